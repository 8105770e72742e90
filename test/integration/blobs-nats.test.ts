import { blobContract } from '../contracts/blob-contract.ts'
import { openNats } from './nats-harness.ts'

blobContract('a real nats-server', openNats)
