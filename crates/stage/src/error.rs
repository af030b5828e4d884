//! Defines the errors for files given to the renderer. Every variant names the file.

use std::path::PathBuf;

/// An asset or request that the renderer cannot use.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StageError {
    /// A file or folder could not be read.
    #[error("cannot read the file or folder: {source}: `{}`", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// A file has another format than its name says, or is damaged.
    #[error("the file is malformed ({found}), expected {expected}: `{}`", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What was found.
        found: String,
        /// What was expected.
        expected: &'static str,
    },
    /// A file exceeds a limit.
    #[error("the file exceeds a limit: {what} is {found}, expected at most {limit}: `{}`", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// What is too large.
        what: &'static str,
        /// Its size.
        found: u64,
        /// The time limit.
        limit: u64,
    },
    /// A character without a usable skeleton.
    #[error("the skeleton of the character lacks {missing}: `{}`", path.display())]
    NotHumanoid {
        /// The file.
        path: PathBuf,
        /// The first part that is missing.
        missing: String,
    },
    /// A number in the geometry is not finite.
    #[error("{what} contains a number that is not finite: `{}`", path.display())]
    NotFinite {
        /// The file.
        path: PathBuf,
        /// The place in the file.
        what: &'static str,
    },
    /// Nodes form a cycle or have two parents.
    #[error("node {node} is part of a cycle or has two parents, expected a tree: `{}`", path.display())]
    CyclicHierarchy {
        /// The file.
        path: PathBuf,
        /// The node's index.
        node: usize,
    },
    /// A description names an asset that is not loaded.
    #[error("no {kind} named `{name}` is loaded")]
    UnknownAsset {
        /// What kind of asset.
        kind: &'static str,
        /// Its name.
        name: String,
    },
    /// A folder contains none of the asset folders.
    #[error("no asset folder was found, expected one of `characters_*`, `motions`, `props`, `panoramas`, `textures`, `videos`: `{}`", path.display())]
    NoAssets {
        /// The folder.
        path: PathBuf,
    },
    /// A file or folder could not be written.
    #[error("cannot write the file or folder: {reason}: `{}`", path.display())]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        reason: String,
    },
    /// An object store refused a request, or could not be reached.
    #[error("the object store request failed: {reason}: `{}`", path.display())]
    Store {
        /// The object, or the prefix.
        path: PathBuf,
        /// The store's reason.
        reason: String,
    },
    /// The address of an object store was given to a build without object stores.
    #[error("this build cannot reach object stores: `{}`", place.display())]
    NoObjectStores {
        /// The address.
        place: PathBuf,
    },
    /// An address is neither a folder nor in a known kind of store.
    #[error("the address is not valid, expected a folder, `file:///FOLDER` or `s3://BUCKET/PREFIX`: `{}`", place.display())]
    BadPlace {
        /// The address.
        place: PathBuf,
    },
    /// A place contains a data set with other settings or assets.
    #[error("the output location contains a data set made with other settings or assets: `{}`", path.display())]
    OtherData {
        /// Its index.
        path: PathBuf,
    },
    /// A clip description that cannot be rendered.
    #[error("the clip description is invalid: {what} is {found}, expected {expected}")]
    BadSpec {
        /// The field.
        what: &'static str,
        /// Its value.
        found: String,
        /// The allowed values.
        expected: &'static str,
    },
}

impl StageError {
    /// A stable name for the cause.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unreadable { .. } => "stage.unreadable",
            Self::Malformed { .. } => "stage.malformed",
            Self::TooLarge { .. } => "stage.too_large",
            Self::NotHumanoid { .. } => "stage.not_humanoid",
            Self::NotFinite { .. } => "stage.not_finite",
            Self::CyclicHierarchy { .. } => "stage.cyclic_hierarchy",
            Self::UnknownAsset { .. } => "stage.unknown_asset",
            Self::NoAssets { .. } => "stage.no_assets",
            Self::Unwritable { .. } => "stage.unwritable",
            Self::Store { .. } => "stage.store",
            Self::NoObjectStores { .. } => "stage.no_object_stores",
            Self::BadPlace { .. } => "stage.bad_place",
            Self::OtherData { .. } => "stage.other_data",
            Self::BadSpec { .. } => "stage.bad_spec",
        }
    }

    /// One line that says what to do.
    pub fn help(&self) -> &'static str {
        match self {
            Self::Unreadable { .. } => "check the path and its permissions",
            Self::Malformed { .. } | Self::NotFinite { .. } | Self::CyclicHierarchy { .. } => {
                "export the file again, or move it out of the asset folder"
            }
            Self::TooLarge { .. } => "make the file smaller, or move it out of the asset folder",
            Self::NotHumanoid { .. } => "name the joints (hips, spine, head, arms, legs) as the asset guide describes",
            Self::UnknownAsset { .. } => "load the asset folder from which the clip description was made",
            Self::NoAssets { .. } => {
                "pass the folder that contains the asset folders, or omit it to use the built-in cast"
            }
            Self::Unwritable { .. } => "check the path, its permissions and the free space",
            Self::Store { .. } => {
                "check the bucket, the `AWS_*` variables (keys, region, endpoint, `AWS_ALLOW_HTTP`) and the network"
            }
            Self::NoObjectStores { .. } => "build with `--features object-store`, or pass a folder",
            Self::BadPlace { .. } => "pass a folder, or an address `s3://BUCKET/PREFIX` without empty parts",
            Self::OtherData { .. } => "choose another location, or use the settings and assets of this data set",
            Self::BadSpec { .. } => "correct the value, or generate a new clip description from a seed",
        }
    }
}

impl From<media::error::Error> for StageError {
    fn from(error: media::error::Error) -> Self {
        Self::Unwritable { path: "output".into(), reason: error.to_string() }
    }
}

/// A problem with one file that did not stop the loading of the others.
#[derive(Debug)]
pub struct Warning {
    /// What was wrong with the omitted file.
    pub cause: StageError,
}
