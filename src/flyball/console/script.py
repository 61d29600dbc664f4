"""What runs in the browser beside the framework: the theme, the moving clock, and times that count down on it.

The clock on a wall runs on by itself. A scaled one is drawn between the last two moments that are known, a second late, so that it
never shows a time that the loop has not reached and never jumps back where business time stood still.
"""

from __future__ import annotations

HEAD = """
<meta name="color-scheme" content="light dark">
<script>
(() => {
  const media = matchMedia('(prefers-color-scheme: dark)');
  const chosen = () => { try { return localStorage.getItem('flyball-theme'); } catch { return null; } };
  const months = ['Jan','Feb','Mar','Apr','May','Jun','Jul','Aug','Sep','Oct','Nov','Dec'];
  const two = number => String(number).padStart(2, '0');
  const units = [['d', 86400], ['h', 3600], ['min', 60], ['s', 1]];
  const length = seconds => {
    let rest = Math.max(Math.floor(seconds), 0);
    const parts = [];
    for (const [unit, size] of units) {
      const number = Math.floor(rest / size);
      rest -= number * size;
      if (number) parts.push(number + ' ' + unit); else if (parts.length) break;
    }
    return parts.slice(0, 2).join(' ') || '0 s';
  };
  const flyball = window.flyball = {
    dark: () => chosen() ? chosen() === 'dark' : media.matches,
    paint() {
      const dark = this.dark();
      document.documentElement.dataset.theme = dark ? 'dark' : 'light';
      document.documentElement.style.colorScheme = dark ? 'dark' : 'light';
      if (window.Quasar) Quasar.Dark.set(dark);
      return dark;
    },
    turn() {
      const next = this.dark() ? 'light' : 'dark';
      try { localStorage.setItem('flyball-theme', next); } catch { /* for this page only */ }
      this.tell();
    },
    tell() { const dark = this.paint(); if (window.emitEvent) emitEvent('flyball-theme', dark); },
    clock: null,
    set(now, speed, still) {
      const before = this.clock, at = performance.now();
      const scaled = speed !== null;
      const from = scaled && before ? this.now() : now;
      this.clock = {from, to: now, at, span: before ? Math.min(Math.max(at - before.at, 400), 2500) : 1, scaled, still};
      this.show();
    },
    now() {
      const clock = this.clock;
      if (!clock) return null;
      const passed = performance.now() - clock.at;
      if (!clock.scaled) return clock.still ? clock.to : clock.to + Math.min(passed, 5000);
      return clock.from + (clock.to - clock.from) * Math.min(passed / clock.span, 1);
    },
    show() {
      const now = this.now();
      if (now === null) return;
      const time = new Date(now);
      const day = time.getUTCDate() + ' ' + months[time.getUTCMonth()] + ' ' + time.getUTCFullYear();
      const hour = two(time.getUTCHours()) + ':' + two(time.getUTCMinutes()) + ':' + two(time.getUTCSeconds());
      const put = (name, said) => {
        const found = document.getElementById(name);
        if (found && found.textContent !== said) found.textContent = said;
      };
      put('clock-day', day);
      put('clock-time', hour);
      for (const found of document.querySelectorAll('[data-until]')) {
        const left = (Date.parse(found.dataset.until) - now) / 1000;
        const said = left > 0 ? 'in ' + length(left) : found.dataset.past;
        if (found.textContent !== said) found.textContent = said;
      }
    },
  };
  flyball.paint();
  media.addEventListener('change', () => flyball.tell());
  setInterval(() => flyball.show(), 100);
})();
</script>
"""
