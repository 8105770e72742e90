import { expect, it } from 'vitest'
import { readApplicationFile } from './application-file.ts'

const file = (component: object): string =>
  JSON.stringify({
    application: 'shop',
    components: {
      db: { image: 'x', instances: { min: 1, initial: 1, max: 900 }, provides: { sql: 1 } },
      web: component,
    },
  })

it('a component that a host cannot be told of is refused where it is too long', () => {
  const long = { image: 'x', files: { 'a.txt': 'x'.repeat(140_000) } }
  expect(() => readApplicationFile(file(long), 'shop.yaml')).toThrow(
    /shop.yaml:1:\d+ components\.web\.files: expected at most 131072 bytes .*, found 14\d{4}; put files into an image or/,
  )
  expect(() => readApplicationFile(file({ image: 'x', environment: { A: 'x'.repeat(131_000) } }), 'shop.yaml')).toThrow(
    /components\.web: expected at most 131072 bytes/,
  )
})

it('room is left for all the peers that it may be told of', () => {
  const web = { image: 'x', requires: { sql: 'db.sql' }, files: { 'a.txt': '' } }
  expect(() => readApplicationFile(file(web), 'shop.yaml')).toThrow(/components\.web\.files: expected at most/)
  const few = { ...web, requires: { sql: { from: 'db.sql', max: 9 } } }
  expect(readApplicationFile(file(few), 'shop.yaml').components).toHaveLength(2)
})
