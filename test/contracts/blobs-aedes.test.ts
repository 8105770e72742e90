import { openAedes } from './aedes-harness.ts'
import { blobContract } from './blob-contract.ts'

blobContract('the embedded broker', openAedes)
