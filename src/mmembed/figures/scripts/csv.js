/* The chosen rows as a CSV file that a spreadsheet opens without running anything in it. */

// A spreadsheet takes a cell that starts like this for a formula; an apostrophe before it makes it text.
const FORMULA = /^[\s\uFEFF'"]*[=+\-@|%\t\r\uFF1D\uFF0B\uFF0D\uFF20]/;
const PLAIN_NUMBER = /^-?\d+(\.\d+)?$/;

function csvCell(value) {
  const text = String(value);
  const safe = FORMULA.test(text) && !PLAIN_NUMBER.test(text) ? `'${text}` : text;
  return `"${safe.replaceAll('"', '""')}"`;
}

function csvOf(table, rows) {
  const { data } = table, heads = ["row", "label", "cluster", "name", ...(data.files ? ["file"] : [])].map((key) => table.words(`column_${key}`));
  const lines = [[...heads, ...data.columns]];
  for (const i of rows) {
    const g = table.group[i];
    const key = g === NOISE ? -1 : data.groups[g].key;
    lines.push([table.rows[i], table.label(i), key, table.groupName(i), ...(data.files ? [data.files[i]] : []), ...data.texts.map((column) => column[i])]);
  }
  return lines.map((line) => line.map(csvCell).join(",")).join("\r\n") + "\r\n";
}

function downloadCsv(table, rows) {
  // The mark at the start tells Excel that it is UTF-8.
  const url = URL.createObjectURL(new Blob(["\uFEFF", csvOf(table, rows)], { type: "text/csv" }));
  const link = make("a");
  link.href = url;
  link.download = `${table.words("file")}.csv`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
