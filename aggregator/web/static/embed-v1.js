// <news-embed src="https://HOST/embed/ar/sports"><a href="...">a real link</a></news-embed>
// Published for good as /embed/v1.js: partners pin its hash, so that what changes becomes v2.
(() => {
  "use strict";
  const origin = new URL(document.currentScript.src).origin;
  const native = CSS.supports("frame-sizing", "content-height");
  const POPUPS = "allow-popups allow-popups-to-escape-sandbox";

  function findFrameUrl(text) {
    let url;
    try { url = new URL(text); } catch { return null; }
    if (url.origin !== origin || !/^\/embed\/[\w-]+\/[\w-]+$/.test(url.pathname)) return null;
    // Browsers that fit frames to their content by themselves get the document without a script.
    if (!native) url.pathname += ".fit";
    url.hash = "";
    return url.href;
  }

  class NewsEmbed extends HTMLElement {
    static observedAttributes = ["src"];

    constructor() {
      super();
      this.receive = (event) => {
        if (event.origin !== origin || event.source !== this.frame?.contentWindow) return;
        if (event.data?.message !== "height") return;
        const height = Number(event.data.value);
        if (height >= 1 && height <= 20000) this.frame.style.height = `${Math.ceil(height)}px`;
      };
    }

    connectedCallback() {
      addEventListener("message", this.receive);
      this.show();
    }

    disconnectedCallback() {
      removeEventListener("message", this.receive);
    }

    attributeChangedCallback() {
      if (this.isConnected) this.show();
    }

    // What stands between the tags is seen until there is a frame, and wherever there can be none.
    show() {
      const url = findFrameUrl(this.getAttribute("src"));
      if (!url || url === this.frame?.src) return;
      const frame = document.createElement("iframe");
      frame.title = this.getAttribute("title") || this.textContent.trim() || "News";
      frame.loading = "lazy";
      frame.referrerPolicy = "no-referrer";
      frame.setAttribute("sandbox", native ? POPUPS : `allow-scripts allow-same-origin ${POPUPS}`);
      frame.style.cssText = "display:block;border:0;width:100%;height:480px";
      if (native) frame.style.cssText += ";height:auto;frame-sizing:content-height";
      frame.src = url;
      this.frame = frame;
      const root = this.shadowRoot || this.attachShadow({ mode: "open" });
      root.replaceChildren(frame);
      this.style.display = "block";
    }
  }

  if (!customElements.get("news-embed")) customElements.define("news-embed", NewsEmbed);
})();
