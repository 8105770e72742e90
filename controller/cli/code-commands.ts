/** The commands about versions of code. */
import type { Command } from 'commander'
import {
  type DownloadFlags,
  type EnableFlags,
  runCodeDelete,
  runCodeDownload,
  runCodeEnable,
  runCodeList,
  runCodeStatus,
  runCodeUpload,
  type UploadFlags,
} from './code.ts'
import type { SharedFlags } from './context.ts'
import type { ExitCode } from './exit-code.ts'
import { shared } from './shared-options.ts'
import type { Terminal } from './terminal.ts'

const component = ['<component>', 'shop/web'] as const
const version = ['<version>', 'the first digits of it'] as const

/** Adds `code upload`, `list`, `status`, `enable`, `download` and `delete`. */
export function addCode(program: Command, terminal: Terminal, done: (code: ExitCode) => void): void {
  const code = program.command('code').description('versions of a component’s code')
  shared(code.command('upload'))
    .description('send a folder, or a tar, tar.gz or zip archive; nothing runs it before it is enabled')
    .argument(...component)
    .argument('<source>', 'folder or archive')
    .option('--description <text>', 'what is in it')
    .action(async (name: string, source: string, flags: UploadFlags) =>
      done(await runCodeUpload(name, source, flags, terminal)),
    )
  shared(code.command('list'))
    .description('versions, the newest first')
    .argument(...component)
    .action(async (name: string, flags: SharedFlags) => done(await runCodeList(name, flags, terminal)))
  shared(code.command('status'))
    .description('what is enabled, what is rolled out, and how the last roll-out ended')
    .argument(...component)
    .action(async (name: string, flags: SharedFlags) => done(await runCodeStatus(name, flags, terminal)))
  shared(code.command('enable'))
    .description('roll a version out, a few instances at a time; back, if one is not well on it')
    .argument(...component)
    .argument(...version)
    .option('--gate <duration>', 'how long each must stay well before the next is changed (default 10s)')
    .option('--no-wait', 'do not wait until it is done')
    .action(async (name: string, which: string, flags: EnableFlags) =>
      done(await runCodeEnable(name, which, flags, terminal)),
    )
  shared(code.command('download'))
    .description('write the archive of a version to a file')
    .argument(...component)
    .argument(...version)
    .option('--to <file>', 'default: named after the component and the version')
    .action(async (name: string, which: string, flags: DownloadFlags) =>
      done(await runCodeDownload(name, which, flags, terminal)),
    )
  shared(code.command('delete'))
    .description('delete a version; never one that is enabled, or run by an instance')
    .argument(...component)
    .argument(...version)
    .action(async (name: string, which: string, flags: SharedFlags) =>
      done(await runCodeDelete(name, which, flags, terminal)),
    )
}
