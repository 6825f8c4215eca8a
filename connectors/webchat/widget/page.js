// The page that embeds the chat: only a page of the shop's origins is listened to, and only it is answered (W14).

export class Page {
  /** @param {string[]} origins @param {(message: Record<string, any>) => void} heard */
  constructor(origins, heard) {
    this.embedded = window.parent !== window;
    this.origin = "";
    window.addEventListener("message", (event) => {
      if (event.source !== window.parent || !this.embedded) return;
      if (event.origin !== location.origin && !origins.includes(event.origin)) return;
      if (!event.data || event.data.onevoice !== 1) return;
      this.origin = event.origin;
      heard(event.data);
    });
  }

  /** @param {string} type @param {object} [more] */
  tell(type, more) {
    if (this.origin) window.parent.postMessage({ onevoice: 1, type, ...more }, this.origin);
  }
}
