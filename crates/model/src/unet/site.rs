//! Enumerates the sites of a UNet: the self-attention layers that can use a reference.

use std::fmt;
use std::str::FromStr;

use super::UnetConfig;

/// One block of a UNet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// A down block, finest first.
    Down(usize),
    /// The mid block.
    Mid,
    /// An up block, coarsest first.
    Up(usize),
}

/// One spatial transformer. Sites are ordered as in a forward pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Site {
    /// The block.
    pub stage: Stage,
    /// Index of the transformer in the block.
    pub attention: usize,
}

impl fmt::Display for Stage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Down(block) => write!(formatter, "down_blocks.{block}"),
            Self::Mid => formatter.write_str("mid_block"),
            Self::Up(block) => write!(formatter, "up_blocks.{block}"),
        }
    }
}

/// Formats the path of the transformer block in a checkpoint.
impl fmt::Display for Site {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}.attentions.{}.transformer_blocks.0", self.stage, self.attention)
    }
}

/// The text is not the path of a transformer block.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not the path of a transformer block")]
pub struct NotASite(pub String);

impl FromStr for Site {
    type Err = NotASite;

    fn from_str(path: &str) -> Result<Self, NotASite> {
        let parse = || {
            let (stage, rest) = match path.split_once('.')? {
                ("mid_block", rest) => (Stage::Mid, rest),
                (stage, rest) => {
                    let (block, rest) = rest.split_once('.')?;
                    let block = block.parse().ok()?;
                    match stage {
                        "down_blocks" => (Stage::Down(block), rest),
                        "up_blocks" => (Stage::Up(block), rest),
                        _ => return None,
                    }
                }
            };
            let attention = rest.strip_prefix("attentions.")?.strip_suffix(".transformer_blocks.0")?;
            Some(Self { stage, attention: attention.parse().ok()? })
        };
        parse().ok_or_else(|| NotASite(path.into()))
    }
}

impl UnetConfig {
    /// All sites, in the order of a forward pass.
    pub fn sites(&self) -> Vec<Site> {
        let levels = self.levels();
        let several = |stage, count| (0..count).map(move |attention| Site { stage, attention });
        let down = (0..levels).filter(|level| self.attention_levels[*level]).map(Stage::Down);
        let up = (0..levels).filter(|block| self.decoder_attention(levels - 1 - block)).map(Stage::Up);
        let mut sites: Vec<Site> = down.flat_map(|stage| several(stage, self.layers_per_block)).collect();
        sites.push(Site { stage: Stage::Mid, attention: 0 });
        sites.extend(up.flat_map(|stage| several(stage, self.layers_per_block + 1)));
        sites
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sd15_has_sixteen_sites_of_which_ten_are_mid_or_up() {
        let sites = UnetConfig::default().sites();
        assert_eq!(sites.len(), 16);
        assert!(sites.is_sorted());
        assert_eq!(sites.iter().filter(|site| !matches!(site.stage, Stage::Down(_))).count(), 10);
        assert_eq!(sites[5].to_string(), "down_blocks.2.attentions.1.transformer_blocks.0");
        assert_eq!(sites[6].to_string(), "mid_block.attentions.0.transformer_blocks.0");
        assert_eq!(sites[15].to_string(), "up_blocks.3.attentions.2.transformer_blocks.0");
        assert!(sites.iter().all(|site| site.to_string().parse() == Ok(*site)));
    }

    #[test]
    fn other_paths_are_no_sites() {
        for path in ["", "mid_block", "mid_block.attentions.x.transformer_blocks.0", "side_blocks.0.attentions.0"] {
            assert_eq!(path.parse::<Site>(), Err(NotASite(path.into())));
        }
    }
}
