/** What stands behind the VMs of the EC2 server: where they run. In memory here; real machines implement the same seam. */

export interface VmBoot {
  /** The instance's id. */
  readonly id: string
  /** Decoded, as cloud-init would be given it. */
  readonly userData: string
}

export interface BootedVm {
  readonly privateAddress: string
  /** Ends the VM and waits until nothing of it is left. Idempotent. */
  stop(): Promise<void>
}

export interface VmHost {
  /** Resolves when the VM runs. Rejects with the signal's reason when it is ended before that; nothing of it is left then. */
  boot(vm: VmBoot, signal: AbortSignal): Promise<BootedVm>
}

/** VMs that are nothing but their addresses. */
export class MemoryVmHost implements VmHost {
  /** While true, a VM never comes to run. */
  isStuck = false
  readonly booted: Map<string, VmBoot> = new Map()
  #made = 0

  async boot(vm: VmBoot, signal: AbortSignal): Promise<BootedVm> {
    if (this.isStuck) await aborted(signal)
    this.booted.set(vm.id, vm)
    this.#made++
    return {
      privateAddress: `10.0.${(this.#made >> 8) & 255}.${this.#made & 255}`,
      stop: async () => void this.booted.delete(vm.id),
    }
  }
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  })
}
