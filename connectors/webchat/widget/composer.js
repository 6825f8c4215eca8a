// Where the visitor writes: a text that grows, files that are uploaded as soon as they are chosen.

/** @typedef {{file: string, name: string, type: string, size: number, url: string}} Uploaded */

export class Composer {
  /**
   * @param {HTMLFormElement} form
   * @param {Record<string, string>} words
   * @param {{text: number, files: number, file_bytes: number}} limits
   * @param {{send: (text: string, files: Uploaded[]) => void, upload: (file: File) => Promise<Uploaded>}} actions
   */
  constructor(form, words, limits, actions) {
    this.form = form;
    this.words = words;
    this.limits = limits;
    this.actions = actions;
    this.text = /** @type {HTMLTextAreaElement} */ (form.querySelector("#text"));
    this.chips = /** @type {HTMLElement} */ (form.querySelector("#files"));
    this.trouble = /** @type {HTMLElement} */ (form.querySelector("#trouble"));
    this.pick = /** @type {HTMLInputElement} */ (form.querySelector("#pick"));
    this.button = /** @type {HTMLButtonElement} */ (form.querySelector("#send"));
    const attach = /** @type {HTMLButtonElement} */ (form.querySelector("#attach"));
    /** @type {Map<HTMLElement, Uploaded | null>} null while it is uploaded */
    this.files = new Map();

    this.text.placeholder = words.placeholder;
    this.text.setAttribute("aria-label", words.placeholder);
    this.button.setAttribute("aria-label", words.send);
    attach.setAttribute("aria-label", words.attach);
    attach.hidden = limits.files === 0;

    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.submit();
    });
    this.text.addEventListener("keydown", (event) => {
      // While an input method composes, Enter chooses a character and sends nothing.
      if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.keyCode === 229) return;
      event.preventDefault();
      this.submit();
    });
    this.text.addEventListener("input", () => this.changed());
    this.text.addEventListener("paste", (event) => this.add(event.clipboardData?.files ?? []));
    attach.addEventListener("click", () => this.pick.click());
    this.pick.addEventListener("change", () => {
      this.add(this.pick.files ?? []);
      this.pick.value = "";
    });
    document.addEventListener("dragover", (event) => event.preventDefault());
    document.addEventListener("drop", (event) => {
      event.preventDefault();
      this.add(event.dataTransfer?.files ?? []);
    });
    this.changed();
  }

  focus() {
    this.text.focus();
  }

  submit() {
    const text = this.text.value.trim();
    const files = [...this.files.values()];
    if ((!text && !files.length) || files.includes(null)) return;
    if ([...text].length > this.limits.text) {
      this.trouble.textContent = this.words.tooLong;
      return;
    }
    this.actions.send(text, files.filter((file) => file !== null));
    this.text.value = "";
    this.files.clear();
    this.chips.replaceChildren();
    this.trouble.textContent = "";
    this.changed();
    this.focus();
  }

  changed() {
    this.text.style.height = "auto";
    this.text.style.height = `${this.text.scrollHeight + 2}px`;
    const files = [...this.files.values()];
    this.button.disabled = (!this.text.value.trim() && !files.length) || files.includes(null);
  }

  /** @param {Iterable<File> | ArrayLike<File>} files */
  add(files) {
    for (const file of Array.from(files)) {
      if (this.files.size >= this.limits.files) return;
      if (file.size > this.limits.file_bytes) this.trouble.textContent = `${file.name}: ${this.words.tooLarge}`;
      else this.upload(file);
    }
  }

  /** @param {File} file */
  async upload(file) {
    const chip = document.createElement("li");
    const label = document.createElement("span");
    const remove = document.createElement("button");
    label.textContent = `${file.name} ${this.words.uploading}`;
    remove.type = "button";
    remove.textContent = "×";
    remove.setAttribute("aria-label", `${this.words.remove}: ${file.name}`);
    remove.addEventListener("click", () => this.drop(chip));
    chip.append(label, remove);
    this.chips.append(chip);
    this.files.set(chip, null);
    this.changed();
    try {
      const uploaded = await this.actions.upload(file);
      if (this.files.has(chip)) this.files.set(chip, uploaded);
      label.textContent = file.name;
      this.trouble.textContent = "";
    } catch {
      this.trouble.textContent = `${file.name}: ${this.words.uploadFailed}`;
      this.drop(chip);
    }
    this.changed();
  }

  /** @param {HTMLElement} chip */
  drop(chip) {
    this.files.delete(chip);
    chip.remove();
    this.changed();
  }
}
