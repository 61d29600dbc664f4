"""Windows, drift, performance and data quality: what is seen of a model after its release, with known error rates."""

from flyball.monitoring.data_quality import ColumnQuality, QualityReport, check_quality
from flyball.monitoring.drift_report import DriftReport, SeriesDrift
from flyball.monitoring.model import (
    AlarmRate,
    DriftMonitor,
    MonitorSpec,
    PerformanceMonitor,
    QualityMonitor,
    ResourcesMonitor,
    drift,
    performance,
    quality,
    resources,
    unwatched_in_backtest,
)
from flyball.monitoring.parity import ParityService, ParityTask, check_parity, parity_subject
from flyball.monitoring.parity_report import FeatureParity, LeadSkew, ParityReport
from flyball.monitoring.reference import Reference
from flyball.monitoring.series import SeriesReference
from flyball.monitoring.service import WindowService, window_subject
from flyball.monitoring.store import WindowStore
from flyball.monitoring.traffic import TrafficStats, traffic_stats
from flyball.monitoring.window_performance import DropReport, Maturity, Performance, maturity, measure, performance_drop
from flyball.monitoring.windows import Window, WindowState

__all__ = [
    "AlarmRate",
    "ColumnQuality",
    "DriftMonitor",
    "DriftReport",
    "DropReport",
    "FeatureParity",
    "LeadSkew",
    "Maturity",
    "MonitorSpec",
    "ParityReport",
    "ParityService",
    "ParityTask",
    "Performance",
    "PerformanceMonitor",
    "QualityMonitor",
    "QualityReport",
    "Reference",
    "ResourcesMonitor",
    "SeriesDrift",
    "SeriesReference",
    "TrafficStats",
    "Window",
    "WindowService",
    "WindowState",
    "WindowStore",
    "check_parity",
    "check_quality",
    "drift",
    "maturity",
    "measure",
    "parity_subject",
    "performance",
    "performance_drop",
    "quality",
    "resources",
    "traffic_stats",
    "unwatched_in_backtest",
    "window_subject",
]
