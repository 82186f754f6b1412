/** As the library prints: four spaces a level, no newline at the end; `< > &` and two line separators as escapes. */
export function printJson(value: object): string {
  const escaped = (character: string) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
  return JSON.stringify(value, undefined, 4).replaceAll(/[<>&\u2028\u2029]/g, escaped);
}
