/** Which mounts are worth a disk alarm, and which may hang whoever asks them. Pure. */
import type { Mount } from './mountinfo.ts'

/**
 * Types that hold no files of their own, are always full, or mount something when touched: Prometheus node_exporter's
 * defFSTypesExcluded (collector/filesystem_linux.go), with memory-backed and read-only image types added.
 */
const excludedTypes = new Set(
  `autofs binfmt_misc bpf cgroup cgroup2 configfs debugfs devpts devtmpfs efivarfs erofs fuse.gvfsd-fuse fuse.lxcfs fuse.portal
  fuse.snapfuse fuse.squashfuse fusectl hugetlbfs iso9660 mqueue nsfs overlay proc procfs pstore ramfs rpc_pipefs securityfs
  selinuxfs squashfs sysfs sysv tmpfs tracefs udf`.split(/\s+/),
)

/** Mount points of the system and of containers, whose content is counted elsewhere. */
const excludedPoint =
  /^\/(?:dev|proc|sys|run|snap|var\/snap|var\/lib\/(?:docker|containers\/storage|kubelet\/pods|containerd))(?:\/|$)/

/** Types whose server or daemon may be gone: asking them can hang for ever. */
const mayHangType =
  /^(?:nfs|nfs4|cifs|smb3|smbfs|ncpfs|afs|9p|ceph|lustre|glusterfs|gpfs|beegfs|ocfs2|gfs2|fuse\b.*|virtiofs)$/

/** True for a mount that must only be asked where a hang harms nobody. `fuseblk` (ntfs-3g) is served by a daemon too. */
export function mayHang(mount: Mount): boolean {
  return mayHangType.test(mount.type) || mount.type === 'fuseblk'
}

/**
 * Mounts to report by default: each filesystem once, at its shortest mount point; an overlay only as the root itself.
 */
export function reportedMounts(mounts: readonly Mount[]): readonly Mount[] {
  const byKey = new Map<string, Mount>()
  for (const mount of visible(mounts)) {
    const isRootOverlay = mount.type === 'overlay' && mount.point === '/'
    if (!isRootOverlay && (excludedTypes.has(mount.type) || excludedPoint.test(mount.point))) continue
    const known = byKey.get(mount.device)
    if (!known || mount.point.length < known.point.length) byKey.set(mount.device, mount)
  }
  return [...byKey.values()]
}

/** Of several mounts on one point only the last can be reached. */
function visible(mounts: readonly Mount[]): Iterable<Mount> {
  return new Map(mounts.map((mount) => [mount.point, mount])).values()
}
