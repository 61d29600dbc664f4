"""The control plane's HTTP door: it parses, calls the control plane, and renders; what anything means stands below."""
