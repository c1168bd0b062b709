/* What colours the points, and the colours of the moment: light, dark or on paper. */

// A colour number for each point, NOISE for none; the name, the tones on white and on dark and the size of each number.
class Coloring {
  static ofTopics(table) {
    const { groups, tones, noise } = table.data;
    return new Coloring("topics", table.group, tones, groups.map((one) => one.name), groups.map((one) => one.size), noise);
  }

  static ofColumn(table, place) {
    const column = table.columns[place], { codes } = column;
    if (!column.isScale) {
      const sizes = column.values.map(() => 0);
      let missing = 0;
      for (const code of codes) if (code === NOISE) missing++; else sizes[code]++;
      return new Coloring(`column-${place}`, codes, column.tones, column.values, sizes, missing);
    }
    // A few extreme cells would leave one colour to all others: the scale ends at the 2nd and the 98th of 100.
    const { scale } = table.data, sorted = codes.filter((step) => step !== NOISE).sort();
    const low = sorted[Math.floor(sorted.length * 0.02)] ?? 0, high = sorted[Math.ceil(sorted.length * 0.98) - 1] ?? 0;
    const bucket = (step) => Math.min(Math.max(Math.floor(((step - low) * scale.length) / (high - low || 1)), 0), scale.length - 1);
    const made = new Coloring(`column-${place}`, codes.map((step) => (step === NOISE ? NOISE : bucket(step))), scale, [], [], 0);
    made.ends = [low, high].map((step) => ({ value: column.numberAt(step), isCut: step !== sorted[step === low ? 0 : sorted.length - 1] }));
    return made;
  }

  constructor(key, codes, tones, names, sizes, missing) {
    Object.assign(this, { key, codes, tones, names, sizes, missing });
  }
}

class Colors {
  constructor(board, data, isDark) {
    this.board = board;
    this.data = data;
    this.isDark = isDark;
    this.printing = false;
    this.refresh();
  }

  get shade() { return this.isDark() && !this.printing ? 1 : 0; }

  refresh() {
    const style = getComputedStyle(this.board), variable = (name) => style.getPropertyValue(name).trim();
    const { data, printing, shade } = this;
    this.fonts = style.fontFamily;
    this.noise = data.noiseTone[shade];
    this.faded = data.fadedTone[shade];
    // The style sheet still has its screen colours when the browser announces printing.
    this.surface = printing ? "#ffffff" : variable("--surface");
    this.ink = printing ? "#1b1e23" : variable("--ink");
    this.soft = printing ? "#5a616b" : variable("--soft");
    this.accent = variable("--accent");
  }

  of(pair) { return pair[this.shade]; }
  // Of a topic: its dots, and its name in a shade that is read as easily as ink.
  tone(g) { return g === NOISE ? this.noise : this.of(this.data.tones[g]); }
  nameInk(g) { return this.of(this.data.inks[g]); }
}
