/* Tables whose lines are sorted by a pick on the name of a column; lines of a group stay together. */

function sortTable(table, column, falling) {
  const key = (body) => body.rows[0].cells[column]?.dataset.sort ?? "";
  const number = (text) => (text === "" ? NaN : Number(text));
  const compare = (left, right) => {
    const a = key(left), b = key(right), x = number(a), y = number(b);
    if (a === "" || b === "") return (a === "") - (b === "");
    const order = Number.isNaN(x) || Number.isNaN(y) ? a.localeCompare(b, data.language) : x - y;
    return falling ? -order : order;
  };
  const foot = table.tFoot;
  for (const body of [...table.tBodies].sort(compare)) table.insertBefore(body, foot);
}

for (const button of document.querySelectorAll(".sorter")) {
  button.addEventListener("click", () => {
    const head = button.closest("th"), heads = [...head.parentElement.cells];
    // Numbers are first shown from the greatest, words from the first letter.
    const isNumber = head !== heads[0];
    const falling = head.ariaSort === "none" ? isNumber : head.ariaSort === "ascending";
    for (const one of heads) if (one.ariaSort) one.ariaSort = "none";
    head.ariaSort = falling ? "descending" : "ascending";
    sortTable(head.closest("table"), heads.indexOf(head), falling);
  });
}
