"""A loader that is not ours, with flags of its own: --io=mapped|buffered. Prints a checksum of the weights."""
import mmap
import sys
import zlib

path, io = sys.argv[1], "mapped"
for flag in sys.argv[2:]:
    if flag not in ("--io=mapped", "--io=buffered"):
        sys.exit(f"error: there is no flag {flag}")
    io = flag.removeprefix("--io=")

with open(path, "rb", buffering=0) as file:
    if io == "mapped":
        weights = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    else:
        weights = bytearray(file.seek(0, 2))
        file.seek(0)
        done = 0
        while done < len(weights):
            count = file.readinto(memoryview(weights)[done:])
            if not count:
                sys.exit("error: the file ends early")
            done += count
    print(zlib.crc32(weights))
