//! Encodes the names of assets in a pack.

use crate::assets::collection::Named;
use crate::assets::pack::byte_stream::{Damage, Reader, Writer};

/// Writes `PACK/NAME` as two strings.
pub(crate) fn name<T>(out: &mut Writer, named: &Named<T>) {
    let (pack, name) = named.id.split_once('/').unwrap_or(("", &named.id));
    out.text(pack);
    out.text(name);
}

/// Reads pack and name.
pub(crate) fn names(from: &mut Reader<'_>) -> Result<(String, String), Damage> {
    Ok((from.text()?, from.text()?))
}
