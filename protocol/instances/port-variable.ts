/** A port's name as part of variables: `http-api` is `HTTP_API`, as in `PUBLIC_HTTP_API`. */
export function portVariable(name: string): string {
  return name.toUpperCase().replaceAll('-', '_')
}
