import { openAedes } from './aedes-harness.ts'
import { busContract } from './bus-contract.ts'

busContract('the embedded broker', openAedes)
