//! Converts device names, such as `cpu` and `cuda:0`, to devices.

use crate::error::{Result, TrainError};

/// The device of the backend that this build trains on.
#[cfg(feature = "libtorch")]
pub type Device = burn::backend::libtorch::LibTorchDevice;
/// The device of the backend that this build trains on.
#[cfg(not(feature = "libtorch"))]
pub type Device = burn::tensor::Device<burn::backend::Flex>;

/// The device called `cpu` or, in a build with libtorch, `cuda:N`.
///
/// # Errors
/// [`TrainError::Setting`] for a device that this build does not support.
pub fn of_name(name: &str) -> Result<Device> {
    if name == "cpu" {
        return Ok(Device::default());
    }
    #[cfg(feature = "libtorch")]
    if let Some(index) = name.strip_prefix("cuda:").and_then(|index| index.parse().ok()) {
        return Ok(Device::Cuda(index));
    }
    let expected = match cfg!(feature = "libtorch") {
        true => "`cpu` or `cuda:N`",
        false => "`cpu` (GPUs need a build with libtorch: `cargo xtask libtorch cuda`)",
    };
    Err(TrainError::Setting { setting: "device", found: name.into(), expected })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_devices() {
        assert!(of_name("cpu").is_ok());
        assert_eq!(of_name("cuda:0").is_ok(), cfg!(feature = "libtorch"));
        assert_eq!(of_name("tpu").unwrap_err().code(), "train.setting");
    }
}
