/** For tests: the `lanista` command, run in this process against a controller on a memory bus. */
import { join } from 'node:path'
import type { ControllerOptions } from '#controller/config.ts'
import { Stage, token } from '#controller/stage.ts'
import { messageOf } from '#protocol/errors.ts'
import { systemClock } from '#protocol/runtime/clock.ts'
import { exitCodeOf } from './exit-code.ts'
import { type FakeTerminalOptions, fakeTerminal } from './fake-terminal.ts'
import { runProgram } from './program.ts'
import { writeToken } from './tokens.ts'

/** What came of a command. */
export interface Ran {
  readonly code: number
  /** All of stdout. */
  readonly text: string
  /** The lines of stderr; the last is what it failed with. */
  readonly notes: readonly string[]
}

export class CliStage implements AsyncDisposable {
  readonly stage: Stage
  /** Where commands find the controller and its token. */
  readonly env: Readonly<Record<string, string>>

  private constructor(stage: Stage, env: Readonly<Record<string, string>>) {
    this.stage = stage
    this.env = env
  }

  static async open(more: Partial<ControllerOptions> = {}): Promise<CliStage> {
    const stage = await Stage.open(systemClock)
    const { httpUrl } = await stage.controller(more)
    const config = join(stage.dataDir, 'config')
    await writeToken(join(config, 'lanista', 'tokens.json'), httpUrl, token)
    return new CliStage(stage, { XDG_CONFIG_HOME: config, LANISTA_CONTROLLER: httpUrl })
  }

  /** Gone with the stage: the place of a test's own files. */
  get folder(): string {
    return this.stage.dataDir
  }

  /** Runs `lanista …` to its end. */
  async run(args: readonly string[], options: FakeTerminalOptions = {}): Promise<Ran> {
    const terminal = fakeTerminal({ ...options, env: this.env })
    try {
      const code = await runProgram(args, terminal)
      return { code, text: terminal.written(), notes: terminal.notes }
    } catch (error) {
      return { code: exitCodeOf(error), text: terminal.written(), notes: [...terminal.notes, messageOf(error)] }
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stage[Symbol.asyncDispose]()
  }
}
