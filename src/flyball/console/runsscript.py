"""What runs in the browser for the table of runs: it asks for rows page by page as one scrolls, and tells what is sorted and chosen.

Every value becomes text, never markup. A page of rows is asked for by the token that came with the page before it.
"""

from __future__ import annotations

RUNS_SCRIPT = """
<script>
(() => {
  const BLOCK = 250;
  const tables = new Map();
  const put = (tag, css, said) => {
    const made = document.createElement(tag);
    made.className = css;
    made.textContent = said ?? '';
    return made;
  };
  const say = (name, said) => {
    const found = document.getElementById(name);
    if (found && found.textContent !== said) found.textContent = said;
  };
  const number = value => value.toLocaleString('en');
  const draw = {
    name: cell => {
      if (!cell.data) return put('span', 'cell-wait', '');
      const link = put('a', 'run-link', cell.value);
      link.href = '/runs/' + encodeURIComponent(cell.data.id);
      link.title = cell.value;  // a narrow column cuts it
      link.tabIndex = -1;
      return link;
    },
    status: cell => {
      const made = put('span', 'run-status ' + String(cell.value ?? '').toLowerCase().replace(/[^a-z]/g, ''), cell.value);
      return made;
    },
  };
  const describe = column => ({
    colId: column.id, headerName: column.title, headerTooltip: column.title, sortable: column.sortable, sort: column.sort ?? null,
    sortIndex: column.sortIndex ?? null, width: column.width, minWidth: 70, resizable: true, suppressMovable: true,
    cellClass: column.css, headerClass: column.css, valueGetter: asked => asked.data ? asked.data.v[column.id] ?? '' : '',
    tooltipValueGetter: asked => asked.value, ...(draw[column.id] ? {cellRenderer: draw[column.id]} : {}),
  });
  const source = (table, query) => {
    let tokens = new Map(), ordered = null;
    return {getRows: async asked => {
      const order = asked.sortModel.map(each => each.colId + ':' + each.sort);
      if (order.join('\\n') !== ordered) { tokens = new Map([[0, '']]); ordered = order.join('\\n'); }
      const known = tokens, from = asked.startRow;
      if (!known.has(from)) { asked.failCallback(); return; }
      const words = new URLSearchParams(query);
      for (const each of order) words.append('order', each);
      words.append('page', known.get(from));
      words.append('rows', BLOCK);
      try {
        const answer = await fetch('/data/runs?' + words, {headers: {accept: 'application/json'}});
        const found = await answer.json();
        if (!answer.ok) throw new Error(found.error);
        if (found.next) known.set(from + found.rows.length, found.next);
        const last = found.next ? -1 : from + found.rows.length;
        asked.successCallback(found.rows, last);
        const end = Math.max(table.seen, from + found.rows.length);
        table.seen = end;
        if (last >= 0) table.last = last;
        const noun = table.last === 1 ? ' run' : ' runs';
        say('runs-count', table.last === null ? 'more than ' + number(end) + noun : number(table.last) + noun);
        say('runs-trouble', '');
        table.mark();
        emitEvent('flyball-keys', found.keys);
      } catch (error) {
        asked.failCallback();
        const away = error instanceof TypeError || error instanceof SyntaxError;
        say('runs-trouble', away ? 'The console does not answer. The table tries again by itself.' : error.message);
        clearTimeout(table.again);
        table.again = setTimeout(() => { if (!table.api.isDestroyed()) table.api.refreshInfiniteCache(); }, 3000);
      }
    }};
  };
  flyball.runs = {
    block: BLOCK,
    show(id, columns, query, chosen) {
      const element = getElement(id), api = element.api;
      let table = tables.get(id);
      if (!table || table.api !== api) {
        table = {api, chosen: new Set(chosen), seen: 0, last: null, again: null, mark() {
          api.forEachNode(node => {
            if (node.data && this.chosen.has(node.data.id) && !node.isSelected()) node.setSelected(true, false, 'api');
          });
        }};
        tables.set(id, table);
        api.addEventListener('rowSelected', told => {
          if (told.source === 'api' || !told.node.data) return;
          if (told.node.isSelected()) table.chosen.add(told.node.data.id); else table.chosen.delete(told.node.data.id);
          emitEvent('flyball-chosen', [...table.chosen]);
        });
        api.addEventListener('sortChanged', () => {
          table.seen = 0; table.last = null;
          const sorted = api.getColumnState().filter(each => each.sort).sort((a, b) => (a.sortIndex ?? 0) - (b.sortIndex ?? 0));
          emitEvent('flyball-order', sorted.map(each => each.colId + ':' + each.sort));
        });
        api.addEventListener('cellKeyDown', told => {
          if (told.event.key === 'Enter' && told.data) location.href = '/runs/' + encodeURIComponent(told.data.id);
        });
      }
      clearTimeout(table.again);
      table.seen = 0; table.last = null;
      api.setGridOption('columnDefs', columns.map(describe));
      api.setGridOption('datasource', source(table, query));
    },
    clear(id) {
      const table = tables.get(id);
      if (table) { table.chosen.clear(); table.api.deselectAll('all', 'api'); }
    },
    refresh(id) {
      const table = tables.get(id);
      if (table) { table.seen = 0; table.last = null; table.api.purgeInfiniteCache(); }
    },
    address(address) { history.replaceState(history.state, '', address); },
  };
})();
</script>
"""
