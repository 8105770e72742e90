/** How deep YAML is nested, found out before it is read: the parser itself runs out of stack, and with it may end the process. */
import { Lexer, Parser } from 'yaml'

/** True for text with more than so many maps and lists inside each other. Nothing more of it is looked at then. */
export function isNestedBeyond(levels: number, text: string): boolean {
  const parser = new Parser()
  const openMax = levels + 2 // the document around them, a value inside
  for (const lexeme of new Lexer().lex(text)) {
    // what is whole is of no interest, but only who asks for it moves the parser on
    for (const _ of parser.next(lexeme));
    if (parser.stack.length > openMax) return true
  }
  return false
}
