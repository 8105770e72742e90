/** A small EC2 over HTTP: the query protocol, signatures checked, with faults on demand. Its VMs run wherever the `VmHost` says. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Clock } from '#protocol/runtime/clock.ts'
import { Ec2Account } from './ec2-account.ts'
import { describeInstances, runInstances, terminateInstances } from './ec2-instances.ts'
import { authorizeIngress, createGroup, describeGroups, describeKeys, importKey } from './ec2-network.ts'
import { describeImages, describeRegions, describeTypes, describeZones } from './ec2-offers.ts'
import { Ec2Fault, QueryForm, type XmlValue, xmlOf } from './query-form.ts'
import { type AccessKey, checkSignature } from './signature.ts'
import type { VmHost } from './vm-host.ts'

const actions: Readonly<Record<string, (account: Ec2Account, region: string, form: QueryForm) => XmlValue>> = {
  RunInstances: runInstances,
  DescribeInstances: describeInstances,
  TerminateInstances: terminateInstances,
  DescribeRegions: describeRegions,
  DescribeAvailabilityZones: describeZones,
  DescribeInstanceTypes: describeTypes,
  DescribeImages: describeImages,
  CreateSecurityGroup: createGroup,
  AuthorizeSecurityGroupIngress: authorizeIngress,
  DescribeSecurityGroups: describeGroups,
  ImportKeyPair: importKey,
  DescribeKeyPairs: describeKeys,
}

export interface Ec2ServerDeps {
  readonly host: VmHost
  readonly clock: Clock
}

/** Bytes of a request at most; more is refused. */
const bodyBytesMax = 256 * 1024

export class Ec2Server implements AsyncDisposable {
  /** What runs there, and its faults. */
  readonly account: Ec2Account
  /** Keys that may sign, by id. */
  readonly keys: Map<string, AccessKey> = new Map()
  /** Actions that arrived, in order. */
  readonly requests: string[] = []
  readonly #server: Server
  #closing: Promise<void> | undefined

  private constructor(account: Ec2Account) {
    this.account = account
    this.#server = createServer((request, response) => {
      this.#answer(request, response).catch(() => request.socket.destroy())
    })
  }

  /** Listens on a free port of loopback. */
  static async open(deps: Ec2ServerDeps): Promise<Ec2Server> {
    const server = new Ec2Server(new Ec2Account(deps))
    await new Promise<void>((resolve) => server.#server.listen(0, '127.0.0.1', resolve))
    return server
  }

  get endpoint(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  /** Ends all VMs. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve))
    this.#server.closeAllConnections()
    await closed
    await this.account.close()
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await bodyOf(request)
    const form = QueryForm.parse(body)
    const action = form.text('Action') ?? ''
    this.requests.push(action)
    const { faults } = this.account
    if (isDue(faults.lostRequests, action)) return void request.socket.destroy()
    const { status, xml } = this.#outcome(request, body, action, form)
    if (isDue(faults.lostAnswers, action)) return void request.socket.destroy()
    response.writeHead(status, { 'content-type': 'text/xml;charset=UTF-8' }).end(xml)
  }

  #outcome(request: IncomingMessage, body: string, action: string, form: QueryForm): { status: number; xml: string } {
    const { method = '', url = '', headers } = request
    try {
      const region = checkSignature({ method, url, headers, body }, this.keys)
      this.#checkPace()
      const act = actions[action]
      if (!act) throw new Ec2Fault('InvalidAction', `The action ${action} is not valid for this web service.`)
      const name = `${action}Response`
      const answer = xmlOf(act(this.account, region, form))
      return {
        status: 200,
        xml: `<${name} xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><requestId>r</requestId>${answer}</${name}>`,
      }
    } catch (error) {
      if (!(error instanceof Ec2Fault)) throw error
      const { code, message, status } = error
      return {
        status,
        xml: xmlOf({ Response: { Errors: { Error: { Code: code, Message: message } }, RequestID: 'r' } }),
      }
    }
  }

  #checkPace(): void {
    const { faults } = this.account
    if (faults.throttled <= 0) return
    faults.throttled--
    throw new Ec2Fault('RequestLimitExceeded', 'Request limit exceeded.', 503)
  }
}

function isDue(times: Map<string, number>, action: string): boolean {
  const left = times.get(action) ?? 0
  if (left > 0) times.set(action, left - 1)
  return left > 0
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > bodyBytesMax) throw new Error(`found more than ${bodyBytesMax} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString()
}
