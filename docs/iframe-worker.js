/* Makes the search work on pages that are opened from the disk.

Browsers start no worker there (a page `file://…` has no origin), so the search's worker runs in a hidden frame
instead: the same script, the same messages.  Pages from a server keep the browser's own workers. */
if (location.protocol === "file:") {
  window.Worker = class {
    onmessage = null;
    onerror = null;

    constructor(script) {
      this.frame = document.createElement("iframe");
      this.frame.hidden = true;
      document.body.append(this.frame);
      const inside = this.frame.contentWindow;
      inside.postMessage = (data) => this.onmessage?.(new MessageEvent("message", { data }));
      const element = inside.document.createElement("script");
      element.src = new URL(script, location.href).href;
      element.onerror = (event) => this.onerror?.(event);
      this.loaded = new Promise((resolve) => (element.onload = resolve));
      inside.document.body.append(element);
    }

    async postMessage(data) {
      await this.loaded;
      this.frame.contentWindow.dispatchEvent(new MessageEvent("message", { data }));
    }

    terminate() {
      this.frame.remove();
    }
  };
}
