"""The look of the pages about endpoints: shares that one can change, and a row to try."""

from __future__ import annotations

ENDPOINT_STYLE = """
.weights, .trial-fields { display: grid; gap: .6rem 1.1rem; margin: .8rem 0;
  grid-template-columns: repeat(auto-fill, minmax(min(17rem, 100%), 1fr)); }
.weights { grid-template-columns: repeat(auto-fill, minmax(min(21rem, 100%), 1fr)); }
.weight { display: flex; align-items: center; gap: .6rem .9rem; flex-wrap: wrap; font-size: .8125rem; font-weight: 560; }
.weight-field { width: 8rem; } .weight .q-checkbox { font-weight: 400; } .trial-field { min-width: 0; }
.trial-answer { margin-top: 1rem; } .trial-answer:empty { display: none; }
.trial-answer .hint { margin-top: .8rem; overflow-wrap: anywhere; }
.listing.endpoints, .listing.served, .listing.beside { margin-top: .6rem; } .listing.endpoints { margin-top: 0; }
.listing.served td:nth-child(3), .listing.beside td:nth-child(3) { min-width: 0; }
.listing.endpoints li { display: flex; gap: .5rem; align-items: baseline; }
.endpoint-page .reasons { margin-top: .5rem; }
"""
