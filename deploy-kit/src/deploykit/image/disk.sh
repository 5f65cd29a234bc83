#!/bin/sh
# Make a disk of $1/root.tar: $1/made/disk.raw, GRUB's two parts beside it. Run as root; LABEL is the
# file system's, COMMAND_LINE the kernel's.
set -eu
aside=$1
tree=$aside/tree
mkdir "$tree"
tar --extract --directory "$tree" --numeric-owner --same-permissions --xattrs \
    --xattrs-include='*' --file "$aside/root.tar"
tar --extract --directory "$tree" --numeric-owner --file "$aside/first-boot.tar"
systemctl --quiet --root="$tree" enable deploy-kit-first-boot.service
# The node's own log says who it is, and nobody logs in at a console.
systemctl --quiet --root="$tree" mask serial-getty@ttyS0.service getty@tty1.service

# The links that Debian keeps to its newest kernel: GRUB reads them at each start.
for name in vmlinuz initrd.img; do
    newest=$(cd "$tree/boot" && ls -v "$name"-* | tail -n 1)
    [ -n "$newest" ]
    ln -sf "boot/$newest" "$tree/$name"
done
cat >"$tree/boot/early.cfg" <<EOF
search --label --set=root $LABEL
linux /vmlinuz $COMMAND_LINE
initrd /initrd.img
boot
EOF
chroot "$tree" grub-mkimage --directory /usr/lib/grub/i386-pc --format i386-pc \
    --prefix '(hd0,msdos1)/boot/grub' --config /boot/early.cfg --output /boot/core.img \
    biosdisk part_msdos ext2 linux search search_label
cp "$tree/usr/lib/grub/i386-pc/boot.img" "$tree/boot/core.img" "$aside"
rm "$tree/boot/core.img"

# What GRUB of Debian 12 reads, and every mke2fs knows.
features=none,has_journal,ext_attr,resize_inode,dir_index,filetype,extent,flex_bg,sparse_super
features=$features,large_file,huge_file,dir_nlink,extra_isize
# Room for what the packages' own scripts write; the rest of a larger disk is taken at first boot.
used=$(du -sm "$tree" | cut -f1)
size=$((used + used / 5 + 256))
truncate -s "$((size + 1))M" "$aside/made/disk.raw"
mke2fs -q -t ext4 -L "$LABEL" -m 1 -O "$features" -E offset=1048576,lazy_itable_init=1 \
    -d "$tree" "$aside/made/disk.raw" "${size}M"
chmod a+rw "$aside/made/disk.raw"
rm -rf "$tree"
