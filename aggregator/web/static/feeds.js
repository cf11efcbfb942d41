// A button beside each address of a feed. Without this script a click on the address selects all of it.
for (const list of document.querySelectorAll("[data-copy]")) {
  for (const address of list.querySelectorAll(".address")) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "copy";
    button.textContent = list.dataset.copy;
    button.setAttribute("aria-live", "polite");
    button.addEventListener("click", async () => {
      getSelection().selectAllChildren(address);
      try {
        await navigator.clipboard.writeText(address.textContent);
      } catch {
        document.execCommand("copy"); // navigator.clipboard is there on https alone
      }
      button.textContent = list.dataset.copied;
      setTimeout(() => (button.textContent = list.dataset.copy), 2000);
    });
    address.after(button);
  }
}
