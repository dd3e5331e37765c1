// The dialog that sends an event, or an HTTP request as API Gateway hands it on.
import { html, useEffect, useRef, useState } from "page/vendor/preact-htm.js";
import { pretty } from "page/details.js";
import { ask } from "page/store.js";

const JSON_EVENT = "json", REQUEST = "http";

export function Send({ store, event, onClose }) {
  const dialog = useRef(null), form = useRef(null);
  const [kind, setKind] = useState(JSON_EVENT);
  const [text, setText] = useState(pretty(event.text));
  const functions = store.about.functions ?? [];
  const [to, setTo] = useState(event.to ?? functions[0] ?? null);
  const [problem, setProblem] = useState("");
  useEffect(() => dialog.current.showModal(), []);

  const choose = async (chosen) => {
    setProblem("");
    if (chosen === JSON_EVENT || chosen === REQUEST) return setKind(chosen);
    try {
      setText(JSON.stringify(await ask(`/samples/${chosen}`), null, 2));
      setKind(JSON_EVENT);
    } catch (error) { setProblem(error.message); }
  };
  const send = async (submitted) => {
    submitted.preventDefault();
    try {
      if (kind === REQUEST) await ask("/http", JSON.stringify(Object.fromEntries(new FormData(form.current))));
      else {
        JSON.parse(text);
        await ask(to ? `/events?function=${encodeURIComponent(to)}` : "/events", text);
      }
      onClose();
    } catch (error) { setProblem(error.message); }
  };

  return html`<dialog ref=${dialog} onClose=${onClose} aria-labelledby="send-title">
    <form ref=${form} onSubmit=${send}>
      <h2 id="send-title">Send an event</h2>
      <p><label for="kind">What</label> <select id="kind" value=${kind} onChange=${(changed) => choose(changed.target.value)}>
        <option value=${JSON_EVENT}>an event, as JSON</option><option value=${REQUEST}>an HTTP request</option>
        <optgroup label="an event of">${(store.about.samples ?? []).map((each) => html`<option value=${each}>${each}</option>`)}</optgroup>
      </select></p>
      ${kind === REQUEST ? html`
        <p><label for="method">Method</label> <input id="method" name="method" value="POST" size="8" autocapitalize="characters" />
          <label for="path">Path</label> <input id="path" name="path" value="/" /></p>
        <label for="body">Body</label><textarea id="body" name="body" rows="8" spellcheck="false"></textarea>` : html`
        ${functions.length > 0 && html`<p><label for="to">To</label> <select id="to" value=${to} onChange=${(changed) => setTo(changed.target.value)}>
          ${functions.map((each) => html`<option value=${each}>${each}</option>`)}</select></p>`}
        <label for="event">The event, as JSON</label>
        <textarea id="event" rows="14" spellcheck="false" value=${text} onInput=${(typed) => setText(typed.target.value)}></textarea>`}
      ${problem && html`<p role="alert" class="problem">${problem}</p>`}
      <div class="bar"><span class="push"></span>
        <button type="button" onClick=${onClose}>Cancel</button><button type="submit">Send</button></div>
    </form>
  </dialog>`;
}
