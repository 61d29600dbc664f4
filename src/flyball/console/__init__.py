"""The console: one page on which a person sees each model's loop and may promote or roll back. Its own process.

It speaks to the control plane over HTTP and knows nothing else of Flyball: no storage, no loop, no app. When it is killed, nothing
but the page is gone. Run it with ``python -m flyball.console``.
"""
