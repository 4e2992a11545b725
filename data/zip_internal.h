/* What reading (zip.c) and writing (zip_write.c) zip archives share. */
#ifndef DATA_ZIP_INTERNAL_H
#define DATA_ZIP_INTERNAL_H

#include <stddef.h>
#include <stdint.h>

/* Record sizes and signatures: PKWARE's APPNOTE 4.3. */
#define END_SIGNATURE 0x06054b50
#define END_SIZE 22
#define END_COMMENT_MAX 65535
#define END64_SIGNATURE 0x06064b50
#define END64_SIZE 56
#define LOCATOR_SIGNATURE 0x07064b50
#define LOCATOR_SIZE 20
#define CENTRAL_SIGNATURE 0x02014b50
#define CENTRAL_SIZE 46
#define LOCAL_SIGNATURE 0x04034b50
#define LOCAL_SIZE 30

/* CRC-32 of a block of any size; zlib counts in 32 bits. */
uint32_t zip_checksum(const uint8_t *bytes, size_t size);

#endif
