"""The page at the root of the control plane: MLflow's client prints links to it, and a browser is led on to the console.

It tells nothing of the home but where its console is, and so needs no token. The links name an experiment and a run behind a `#`, which
no browser sends: a script of ours reads them.
"""

from __future__ import annotations

import base64
import hashlib
from html import escape

from flyball.api.doors import Doors
from flyball.core.optional import extra
from flyball.governance import Permission

with extra("control"):
    from starlette.responses import HTMLResponse, Response

_SCRIPT = """
const console_url = document.documentElement.dataset.console;
const found = /^#\\/experiments\\/([^/?]+)(?:\\/runs\\/([^/?]+))?/.exec(location.hash);
const model = /^#\\/models\\/([^/?]+)/.exec(location.hash);
if (console_url) {
  const part = text => { try { return encodeURIComponent(decodeURIComponent(text)); } catch { return encodeURIComponent(text); } };
  location.replace(console_url + (found && found[2] ? '/runs/' + part(found[2])
    : found ? '/runs?experiment=' + part(found[1]) : model ? '/registry/' + part(model[1]) : '/'));
}
"""
_STYLE = (
    ":root{color-scheme:light dark}body{margin:0;min-height:100vh;display:grid;place-items:center;font:1rem/1.6 system-ui,sans-serif}"
    "main{max-width:32rem;padding:2rem}h1{font-size:1.375rem;margin:0 0 .5rem}code{overflow-wrap:anywhere}"
)
_HEADERS = {
    "content-security-policy": (
        f"default-src 'none'; script-src 'sha256-{base64.b64encode(hashlib.sha256(_SCRIPT.encode()).digest()).decode()}'; "
        f"style-src 'sha256-{base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()}'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
}


def landing(console_url: str | None) -> str:
    """The page; without a console it says what stands here."""
    where = escape(console_url or "")
    said = (
        f'<p>Runs and models are looked at in its <a href="{where}/">console</a>.</p>'
        if where
        else "<p>It runs without a console. Programs speak to it: set the environment with <code>eval &quot;$(flyball env)&quot;</code>, "
        "then use Flyball's or MLflow's client.</p>"
    )
    return (
        f'<!doctype html><html lang="en" data-console="{where}"><head><meta charset="utf-8"><title>Flyball</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{_STYLE}</style></head><body><main><h1>This is a control plane of Flyball</h1>{said}</main>"
        f"<script>{_SCRIPT}</script></body></html>"
    )


def add_landing(doors: Doors, console_url: str | None) -> None:
    """The page at the root."""
    page = landing(console_url)

    @doors.route("GET /", Permission.LIVENESS, shown=False)
    async def root() -> Response:
        """What stands here, and the way to the console."""
        return HTMLResponse(page, headers=_HEADERS)
