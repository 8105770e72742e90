/** Characters that carbon forbids in a tag's value, and white space, which ends a name on a line. */
const forbidden = /[;\u0000-\u0020\u007f]/g

/** Text from outside (a device, a mount point, a label) as a tag value: what carbon forbids becomes `_`. */
export function tagValue(text: string): string {
  const clean = text.replace(forbidden, '_')
  return clean.startsWith('~') ? `_${clean.slice(1)}` : clean === '' ? '_' : clean
}
