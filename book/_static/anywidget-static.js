// Shows the book's interactive figures without a kernel and without a network.
//
// A figure is an anywidget: Python stores its state in the page, with the JavaScript module that draws it (`_esm`) and
// its style (`_css`). This file does what Jupyter's html-manager (0.9 MB compressed) does for such figures: it gives
// each module a small model (the "AFM" interface: get, set, save_changes, on, off, send) and asks it to render.
// Other ipywidgets need a running kernel; in their place stands a note that says so.
(() => {
  "use strict";

  // One model, shared by all its views. `set` tells the listeners at once, as in JupyterLab.
  function makeModel(state) {
    const values = { ...state }, listeners = {};
    const tell = (event, ...args) => [...(listeners[event] || [])].forEach((callback) => callback(...args));
    return {
      get: (name) => values[name],
      set(name, value) {
        const updates = typeof name === "object" ? name : { [name]: value };
        const changed = Object.keys(updates).filter((key) => values[key] !== updates[key]);
        Object.assign(values, updates);
        changed.forEach((key) => tell("change:" + key, this, values[key]));
        if (changed.length) tell("change", this);
      },
      save_changes() {}, // no kernel to save to
      send() {},
      on(names, callback) {
        for (const name of names.split(/\s+/)) (listeners[name] ||= []).push(callback);
      },
      off(names, callback) {
        for (const name of names ? names.split(/\s+/) : Object.keys(listeners)) {
          listeners[name] = callback ? (listeners[name] || []).filter((other) => other !== callback) : [];
        }
      },
      widget_manager: null,
    };
  }

  function show(element, text) {
    const note = document.createElement("p");
    note.className = "effdl-note";
    note.setAttribute("role", "note");
    note.textContent = text;
    element.replaceChildren(note);
  }

  const modules = new Map(), styles = new Set();

  // Views with the same source share one module.
  function load(source) {
    if (!modules.has(source)) {
      const address = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
      modules.set(source, import(address).then(async ({ default: widget }) => {
        const loaded = typeof widget === "function" ? await widget() : widget;
        if (!loaded?.render) throw new Error("the figure's module has no default export with a render function");
        return loaded;
      }).finally(() => URL.revokeObjectURL(address)));
    }
    return modules.get(source);
  }

  function applyStyle(text) {
    if (!text || styles.has(text)) return;
    styles.add(text);
    document.head.append(Object.assign(document.createElement("style"), { textContent: text }));
  }

  const cleanups = [];

  // A model is initialized once, before its first view.
  async function prepare(entry) {
    const state = entry.state;
    if (entry.buffers?.length) throw new Error("binary traits are not supported in the static page");
    applyStyle(state._css);
    const widget = await load(state._esm);
    const model = makeModel(state);
    cleanups.push(await widget.initialize?.({ model }));
    return { widget, model };
  }

  function start() {
    const states = {}, prepared = {};
    for (const script of document.querySelectorAll('script[type="application/vnd.jupyter.widget-state+json"]')) {
      Object.assign(states, JSON.parse(script.textContent).state);
    }
    document.querySelectorAll('script[type="application/vnd.jupyter.widget-view+json"]').forEach(async (script) => {
      const el = document.createElement("div");
      el.className = "effdl-widget";
      script.after(el);
      try {
        const id = JSON.parse(script.textContent).model_id, entry = states[id];
        if (!entry) throw new Error("its state is not stored in this page");
        if (!entry.state._esm) return show(el, "This control needs a running kernel: open the notebook in JupyterLab.");
        const { widget, model } = await (prepared[id] ||= prepare(entry));
        cleanups.push(await widget.render({ model, el }));
      } catch (error) {
        console.error(error);
        show(el, `This figure could not be shown: ${error.message || error}`);
      }
    });
  }

  window.addEventListener("pagehide", (event) => {
    if (event.persisted) return; // the page may come back from the browser's cache as it is
    for (const cleanup of cleanups.splice(0)) if (typeof cleanup === "function") cleanup();
  });
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
})();
