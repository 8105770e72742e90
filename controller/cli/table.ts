/** A column of a table: its title and on which side short cells are padded. */
export interface Column {
  readonly title: string
  readonly align: 'left' | 'right'
}

/** Text from the fleet may hold anything; a terminal must never obey it. Control characters become `?`. */
export function printable(text: string): string {
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g, '?')
}

/** Lines of an aligned table, titles first, two spaces between columns, no trailing spaces. Cells are made printable. */
export function tableLines(columns: readonly Column[], rows: readonly (readonly string[])[]): string[] {
  const cells = [columns.map((column) => column.title), ...rows.map((row) => row.map(printable))]
  const widths = columns.map((_, i) => Math.max(...cells.map((row) => row[i]?.length ?? 0)))
  return cells.map((row) =>
    columns
      .map((column, i) => {
        const cell = row[i] ?? ''
        return column.align === 'right' ? cell.padStart(widths[i] ?? 0) : cell.padEnd(widths[i] ?? 0)
      })
      .join('  ')
      .trimEnd(),
  )
}

/** The same as one text with a final newline. */
export function renderTable(columns: readonly Column[], rows: readonly (readonly string[])[]): string {
  return `${tableLines(columns, rows).join('\n')}\n`
}
