/** The envelope's layout; `README.md` has it in words. */

export const envelopeVersion = 1
export const signatureBytes = 64
/** Where the signature begins, where the header's length, where the header. */
export const signatureAt = 1
export const headerLengthAt: number = signatureAt + signatureBytes
export const headerAt: number = headerLengthAt + 2
export const headerBytesMax = 2048

const context = Buffer.from('lanista order 1\n')

/** What is signed: nothing else that the same key may sign begins so. */
export function signedPart(lengthAndHeader: Uint8Array): Uint8Array {
  return Buffer.concat([context, lengthAndHeader])
}
