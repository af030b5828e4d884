//! Maps module parameters to their checkpoint names.

/// Path components of this crate's modules, and their names in checkpoints.
pub const UPSTREAM_NAMES: [(&str, &str); 3] = [("net_0", "net.0"), ("net_2", "net.2"), ("to_out_0", "to_out.0")];

/// A component of the path. The name of an enum variant is not part of it.
pub(super) fn piece(name: &str, container: &str) -> String {
    if container.starts_with("Enum:") { String::new() } else { name.into() }
}

/// The checkpoint key of the parameter at `path`.
pub(super) fn key(prefix: &str, path: &[String]) -> String {
    let mut key = String::from(prefix);
    for (index, piece) in path.iter().filter(|piece| !piece.is_empty()).enumerate() {
        let known = UPSTREAM_NAMES.iter().find(|(ours, _)| ours == piece);
        key.push_str(if index == 0 { "" } else { "." });
        key.push_str(known.map_or(piece.as_str(), |(_, theirs)| theirs));
    }
    key
}

/// Whether parameters in this container are used only by the ops of [`crate::ops`].
pub(crate) fn is_layer(container: &str) -> bool {
    matches!(container, "Struct:Linear" | "Struct:Conv2d" | "Struct:Conv3d")
}
