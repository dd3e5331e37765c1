// What the page knows: the requests and environments that the server has told of, in one place. Whoever wants to draw
// them subscribes; changes that come close together are told once.

export class Store {
  constructor() {
    this.about = {};
    this.requests = new Map();
    this.environments = new Map();
    this.durable = new Map();  // durable jobs by id
    this.sent = new Map();  // and by the request that sent them
    this.ordered = [];
    this.queues = { rows: [], problem: null, error: "", asked: false };
    this.connected = false;
    this.version = 0;
    this._skew = 0;
    this._listeners = new Set();
    this._planned = false;
  }

  // Seconds of the server's clock now.
  now() { return this.frozenAt ?? performance.now() / 1000 + this._skew; }

  subscribe(listener) {
    this._listeners.add(listener);
    return () => this._listeners.delete(listener);
  }

  hello(about) {
    this.about = about;
    this.connected = true;
    this.requests.clear();
    this.environments.clear();
    this.durable.clear();
    this.sent.clear();
    this.ordered = [];
    this._skew = about.now - performance.now() / 1000;
    this._tell();
  }

  take({ now, records }) {
    this._skew = now - performance.now() / 1000;
    for (const record of records) {
      if (record.kind === "environment") this.environments.set(record.number, record);
      else if (record.kind === "durable") this._takeDurable(record);
      else {
        if (!this.requests.has(record.id)) this._insert(record);
        else this.ordered[this._place(record.number)] = record;
        this.requests.set(record.id, record);
      }
    }
    while (this.ordered.length > 10000) {
      const { id } = this.ordered.shift();
      this.requests.delete(id);
      for (const job of this.sent.get(id)?.keys() ?? []) this.durable.delete(job);
      this.sent.delete(id);
    }
    this._tell();
  }

  tellQueues(queues) {
    this.queues = queues;
    this._tell();
  }

  _takeDurable(record) {
    this.durable.set(record.id, record);
    if (record.sent_by === null) return;
    if (!this.sent.has(record.sent_by)) this.sent.set(record.sent_by, new Map());
    this.sent.get(record.sent_by).set(record.id, record);
  }

  lost() {
    this.connected = false;
    this._tell();
  }

  _insert(record) {
    const last = this.ordered[this.ordered.length - 1];
    if (!last || last.number < record.number) this.ordered.push(record);
    else this.ordered.splice(this._place(record.number), 0, record);
  }

  _place(number) {
    let low = 0, high = this.ordered.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.ordered[middle].number < number) low = middle + 1; else high = middle;
    }
    return low;
  }

  _tell() {
    this.version += 1;
    if (this._planned) return;
    this._planned = true;
    requestAnimationFrame(() => {
      this._planned = false;
      for (const listener of this._listeners) listener();
    });
  }
}

// Fill a store with a run that was saved in the page itself.
export function load(store, saved) {
  store.details = saved.details;
  store.hello(saved.about);
  store.take(saved);
  store.frozenAt = saved.now;
}

// Keep a store up to date with the server's stream; the browser connects again by itself.
export function follow(store) {
  const stream = new EventSource("/stream");
  stream.addEventListener("hello", (event) => store.hello(JSON.parse(event.data)));
  stream.addEventListener("changes", (event) => store.take(JSON.parse(event.data)));
  stream.addEventListener("error", () => store.lost());
}

const token = document.querySelector("meta[name=token]")?.content ?? "";

export async function ask(path, body) {
  const options = body === undefined ? {} : { method: "POST", body, headers: { "X-Lambda-Punch-Token": token } };
  const answer = await fetch(path, options);
  const found = await answer.json();
  if (!answer.ok) throw new Error(found.error);
  return found;
}
