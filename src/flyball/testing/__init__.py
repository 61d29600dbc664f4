"""Conformance suites: one class per port, which every backend passes, ours and yours.

A suite is a class with an abstract `open` (or `create`) and tests that state the port's laws. To hold a backend to them, derive a class
whose name begins with `Test` and say how the backend is made::

    class TestLocalBlobs(BlobStoreSuite):
        @contextmanager
        def open(self, place: Path) -> Iterator[BlobStore]:
            yield LocalBlobs(place)

`flyball.testing.suite.failing_tests` runs a suite without a test runner, for the test that it catches a broken backend.
The suites need pytest (extra `dev`); nothing else in the package imports them.
"""
