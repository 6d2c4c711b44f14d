// Requests to the public API. Errors are the `detail` of its problem documents.

export class Api {
  constructor(token, signal) {
    this.token = token;
    this.signal = signal;
  }

  async send(method, path, body, signal = this.signal) {
    const headers = { authorization: `Bearer ${this.token}` };
    if (body !== undefined) headers["content-type"] = "application/json";
    const response = await fetch(path, { method, headers, signal, body: body && JSON.stringify(body) });
    if (!response.ok) throw new Error(describe(await response.json().catch(() => ({})), response.status));
    return response;
  }

  async get(path) {
    return (await this.send("GET", path)).json();
  }

  async post(path, body) {
    return (await this.send("POST", path, body)).json();
  }

  // All items of a list, page by page.
  async list(path) {
    const items = [];
    for (let cursor = ""; cursor !== null; ) {
      const page = await this.get(`${path}?limit=100${cursor && `&cursor=${encodeURIComponent(cursor)}`}`);
      items.push(...page.items);
      cursor = page.nextCursor;
    }
    return items;
  }

  // Announces a file, sends it to the presigned URL, and has it processed.
  async upload(base, file, mediaType) {
    const content = await file.arrayBuffer();
    const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", content));
    const sha256 = Array.from(hash, (byte) => byte.toString(16).padStart(2, "0")).join("");
    const path = `/kb/${base}/documents`;
    const document = await this.post(path, { filename: file.name, mediaType, sizeBytes: content.byteLength, sha256 });
    const { method, url, headers } = document.upload;
    // The browser sets content-length.
    delete headers["content-length"];
    const stored = await fetch(url, { method, headers, body: content, signal: this.signal });
    if (!stored.ok) throw new Error(`The store refused the file with the status ${stored.status}.`);
    return this.post(`${path}/${document.id}/complete`);
  }

  // The events of an answer, with their names and data, as they arrive.
  async *ask(chat, content, signal) {
    const response = await this.send("POST", `/chats/${chat}/stream`, { content }, signal);
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let received = "";
    try {
      for (let part = await reader.read(); !part.done; part = await reader.read()) {
        const blocks = (received + part.value).split("\n\n");
        received = blocks.pop();
        yield* blocks.map(readEvent).filter(({ data }) => data !== undefined);
      }
    } finally {
      reader.cancel().catch(() => {});
    }
  }
}

// The name and the data of an event; a heartbeat is a comment, without data.
function readEvent(block) {
  const lines = block.split("\n");
  const field = (name) => lines.find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2);
  const data = field("data");
  return { name: field("event"), data: data && JSON.parse(data) };
}

export function describe(problem, status) {
  const invalid = (problem.errors ?? []).map((error) => error.detail);
  return [problem.detail ?? `The server responded with the status ${status}.`, ...invalid].join(" ");
}
