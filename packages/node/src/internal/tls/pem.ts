// What OpenSSL reads certificates from (PEM_read_bio_X509_AUX).
const certificate = /-----BEGIN ((?:X509 |TRUSTED )?CERTIFICATE)-----[^-]*-----END \1-----/g

/** The certificates that stand in a text, each with its own frame; what is between them is left out. */
export const pemBlocks = (text: string): ReadonlyArray<string> => text.match(certificate) ?? []
