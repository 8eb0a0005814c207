/* What happens in the browser alone: the link follows the view, the theme reaches the grids, failures are told. */
(function () {
  "use strict";
  const unchanged = () => window.dash_clientside.no_update;

  function encode(view) {
    const kept = Object.entries(view).map(([name, value]) => [name, Array.isArray(value) ? value.join(",") : value]);
    const told = kept.filter(([, value]) => value !== null && value !== undefined && value !== false && value !== "");
    return new URLSearchParams(told.map(([name, value]) => [name, String(value)])).toString().replace(/%(?:2C|2F|3A|3B|3D|40)/g, decodeURIComponent);
  }

  let settling;
  const SENT = "bitfront-compared", SLOTS = "abcdef";
  function remember(view) {
    const page = document.getElementById("compare");
    if (!page || !view.axis) return;
    const shown = [...SLOTS].map((slot) => view[slot]).filter(Boolean);
    const asked = JSON.stringify(shown) !== JSON.stringify(JSON.parse(page.dataset.unasked));
    window.sessionStorage.setItem(SENT, JSON.stringify(asked ? shown : []));
  }

  function notice(text) {
    const place = document.getElementById("notice");
    if (!place) return;
    place.textContent = text;
    place.className = "shown";
    clearTimeout(place.hiding);
    place.hiding = setTimeout(() => { place.className = ""; }, 8000);
  }

  function followTheme() {
    const page = document.documentElement, shown = page.getAttribute("data-mantine-color-scheme");
    if (shown) page.setAttribute("data-ag-theme-mode", shown);
    return shown;
  }
  new MutationObserver(() => {
    const shown = followTheme();
    if (shown && document.getElementById("theme")) window.dash_clientside.set_props("theme", { computedColorScheme: shown });
  }).observe(document.documentElement, { attributes: true, attributeFilter: ["data-mantine-color-scheme"] });

  const narrow = window.matchMedia("(max-width: 600px)");
  narrow.addEventListener("change", () => {
    if (document.getElementById("page")) window.dash_clientside.set_props("narrow", { data: narrow.matches });
  });

  function refusal(place, file) {
    if (!place.dataset.endings.split(",").some((ending) => file.name.toLowerCase().endsWith(ending)))
      return `an upload is a file that ends in ${place.dataset.endings.replace(",", " or ")}, got '${file.name}'`;
    const mebi = 2 ** 20, most = Number(place.dataset.most);
    return file.size > most ? `an upload has at most ${most / mebi} MiB, '${file.name}' has ${(file.size / mebi).toFixed(0)}` : "";
  }
  function judge(event) {
    const place = event.target.closest && event.target.closest("[data-endings]");
    const file = place && ((event.dataTransfer || event.target).files || [])[0];
    const told = file && refusal(place, file);
    if (!told) return;
    const alert = { color: "red", variant: "light", className: "trouble", title: "This file is not taken", children: told };
    const props = { type: "Alert", namespace: "dash_mantine_components", props: alert };
    window.dash_clientside.set_props(place.querySelector("[role=status]").id, { children: props });
  }
  for (const kind of ["change", "drop"]) document.addEventListener(kind, judge, true);

  const opens = ["Enter", " ", "ArrowDown", "ArrowUp"];
  document.addEventListener("keydown", (event) => {  /* a list that the keyboard opens is marked as one that a click opens */
    const place = opens.includes(event.key) && event.target.closest && event.target.closest(".choosing");
    if (place && event.target.getAttribute("aria-expanded") !== "true") place.click();
  }, true);

  const MOST_TRIES = 60;  /* of what the server says to ask again for */
  const fetched = window.fetch.bind(window);
  window.fetch = async function (resource, options) {
    const isCallback = String(resource && resource.url ? resource.url : resource).includes("_dash-update-component");
    try {
      let answer = await fetched(resource, options);
      for (let left = MOST_TRIES; left && isCallback && answer.headers.has("Retry-After"); left--) {
        await new Promise((wake) => setTimeout(wake, 1000 * Number(answer.headers.get("Retry-After"))));
        answer = await fetched(resource, options);
      }
      if (isCallback && answer.status >= 400) notice((await answer.clone().text()).slice(0, 300) || "The server refused this.");
      return answer;
    } catch (error) {
      if (!isCallback || error.name === "AbortError") throw error;
      const told = "The server does not answer. Is bitfront app still running?";
      notice(told);
      return new Response(told, { status: 503 });  /* an error ends a job's questions with its controls still as amid it */
    }
  };

  window.dash_clientside = Object.assign({}, window.dash_clientside, {
    bitfront: {
      keepView(view) {
        if (view) {
          remember(view);
          const query = encode(view);
          window.history.replaceState(window.history.state, "", window.location.pathname + (query ? "?" + query : ""));
        }
        return unchanged();
      },
      send(clicks, text) {
        const stay = unchanged();
        if (!clicks || !text) return [stay, stay, stay];
        const before = JSON.parse(window.sessionStorage.getItem(SENT) || "[]"), sent = before.includes(text) ? before : [...before, text];
        if (sent.length > SLOTS.length) return [stay, stay, `Compare holds ${SLOTS.length} designs: remove one there`];
        window.sessionStorage.setItem(SENT, JSON.stringify(sent));
        return ["/compare", "?" + encode(Object.fromEntries(sent.map((each, i) => [SLOTS[i], each]))), stay];
      },
      copyLink(clicks) {
        if (!clicks) return unchanged();
        const link = window.location.href;
        if (navigator.clipboard) navigator.clipboard.writeText(link).catch(() => window.prompt("The link of this view", link));
        else window.prompt("The link of this view", link);
        setTimeout(() => window.dash_clientside.set_props("copy-link", { children: "Copy link" }), 1500);
        return "Copied";
      },
      settle() {  /* what is typed stands in its field at once, and is asked once nothing more follows */
        const typed = ["precision", "strategy", "batch", "context", "resolution"];
        const changed = window.dash_clientside.callback_context.triggered.map((each) => JSON.parse(each.prop_id.replace(/\.value$/, "")).name);
        clearTimeout(settling);
        settling = setTimeout(() => {
          if (document.getElementById("compare")) window.dash_clientside.set_props("compare-settled", { data: Date.now() });
        }, changed.every((name) => typed.includes(name)) ? 600 : 0);
        return unchanged();
      },
      forget(...values) {  /* what was wrong with a form is not said of another */
        return values.length ? null : unchanged();
      },
      begin(given) {
        return given || unchanged();
      },
      edit(cells, undo, edits) {
        const by = window.dash_clientside.callback_context.triggered_id;
        if (by === "explore-undo" && undo) return {};
        if (by !== "explore-layers" || !cells) return unchanged();
        const made = cells.filter((cell) => cell.colId === "precision").map((cell) => [cell.data.name, cell.value]);
        return { ...edits, ...Object.fromEntries(made) };
      },
      zoomed(change, drawn, figure) {  /* the ranges of both axes, whichever was dragged, or the camera, and of what they are */
        if (!change || !drawn) return [unchanged(), unchanged()];
        const of = { ready: drawn.ready, names: drawn.names, log: drawn.log }, camera = change["scene.camera"];
        if (camera) {  /* kept in the figure too: what is marked in it next is drawn as seen from there */
          const ends = [camera.eye, camera.center, camera.up].flatMap(({ x, y, z }) => [x, y, z]);
          const layout = { ...figure.layout, scene: { ...figure.layout.scene, camera } };
          return [{ ends, of }, { ...figure, layout }];
        }
        if (!Object.keys(change).some((name) => /^[xy]axis/.test(name))) return [unchanged(), unchanged()];
        const { xaxis, yaxis } = document.querySelector("#explore-front .js-plotly-plot")._fullLayout;
        if (xaxis.autorange && yaxis.autorange) return [null, unchanged()];
        return [{ ends: [...xaxis.range, ...yaxis.range], of }, unchanged()];
      },
      sorted(rows) {  /* by which columns the claims are sorted, as a link spells it */
        if (!rows) return unchanged();
        const by = window.dash_ag_grid.getApi("claims-table").getColumnState().filter((column) => column.sort);
        return by.sort((a, b) => a.sortIndex - b.sortIndex).map((column) => `${column.colId}:${column.sort}`).join(",");
      },
      measure() {  /* whether figures have a narrow page's layout */
        return narrow.matches;
      },
      markPage(pathname) {
        for (const link of document.querySelectorAll(".nav-link")) {
          const first = link.parentElement.firstElementChild === link && pathname === "/";
          if (first || link.getAttribute("href") === pathname) link.setAttribute("aria-current", "page");
          else link.removeAttribute("aria-current");
        }
        return unchanged();
      },
      markTheme(scheme) {
        const shown = followTheme();
        if (scheme && shown && shown !== scheme) window.dash_clientside.set_props("theme", { computedColorScheme: shown });
        return unchanged();
      },
    },
  });
})();
