//! Decodes picture files, including colour profiles, HEIF and AVIF.

pub(crate) mod colour_profile;
pub(crate) mod decode;
pub(crate) mod heif;
