//! Encodes numbers, strings and lists as little-endian bytes for asset packs. The reader does not trust stored lengths:
//! a list grows only while bytes remain.

/// Describes what is wrong with the bytes.
pub(crate) type Damage = String;

/// Writes bytes.
#[derive(Default)]
pub(crate) struct Writer(pub(crate) Vec<u8>);

impl Writer {
    pub(crate) fn u8(&mut self, value: u8) {
        self.0.push(value);
    }

    pub(crate) fn u16(&mut self, value: u16) {
        self.0.extend(value.to_le_bytes());
    }

    pub(crate) fn u32(&mut self, value: u32) {
        self.0.extend(value.to_le_bytes());
    }

    pub(crate) fn f32(&mut self, value: f32) {
        self.0.extend(value.to_le_bytes());
    }

    pub(crate) fn floats<const N: usize>(&mut self, values: [f32; N]) {
        values.into_iter().for_each(|value| self.f32(value));
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        self.u32(bytes.len() as u32);
        self.0.extend(bytes);
    }

    pub(crate) fn text(&mut self, text: &str) {
        self.bytes(text.as_bytes());
    }

    pub(crate) fn list<T>(&mut self, list: &[T], mut item: impl FnMut(&mut Self, &T)) {
        self.u32(list.len() as u32);
        list.iter().for_each(|value| item(self, value));
    }
}

/// Reads bytes.
pub(crate) struct Reader<'a>(pub(crate) &'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) fn take(&mut self, count: usize) -> Result<&'a [u8], Damage> {
        let (taken, rest) = self
            .0
            .split_at_checked(count)
            .ok_or_else(|| format!("bytes needed {count}, bytes left {}", self.0.len()))?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Damage> {
        let taken = self.take(N)?;
        Ok(std::array::from_fn(|index| taken[index]))
    }

    pub(crate) fn u8(&mut self) -> Result<u8, Damage> {
        Ok(self.array::<1>()?[0])
    }

    pub(crate) fn u16(&mut self) -> Result<u16, Damage> {
        Ok(u16::from_le_bytes(self.array()?))
    }

    pub(crate) fn u32(&mut self) -> Result<u32, Damage> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    pub(crate) fn f32(&mut self) -> Result<f32, Damage> {
        let value = f32::from_le_bytes(self.array()?);
        if value.is_finite() { Ok(value) } else { Err("a number that is not finite".into()) }
    }

    pub(crate) fn floats<const N: usize>(&mut self) -> Result<[f32; N], Damage> {
        let mut values = [0.0; N];
        for value in &mut values {
            *value = self.f32()?;
        }
        Ok(values)
    }

    pub(crate) fn bytes(&mut self) -> Result<&'a [u8], Damage> {
        let length = self.u32()? as usize;
        self.take(length)
    }

    pub(crate) fn text(&mut self) -> Result<String, Damage> {
        String::from_utf8(self.bytes()?.to_vec()).map_err(|_| "a string that is not UTF-8".into())
    }

    /// A list whose items take at least one byte each.
    pub(crate) fn list<T>(&mut self, mut item: impl FnMut(&mut Self) -> Result<T, Damage>) -> Result<Vec<T>, Damage> {
        let count = self.u32()? as usize;
        if count > self.0.len() {
            return Err(format!("list of length {count}, bytes left {}", self.0.len()));
        }
        let mut list = Vec::with_capacity(count.min(1 << 16));
        for _ in 0..count {
            list.push(item(self)?);
        }
        Ok(list)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_written_is_read(numbers in prop::collection::vec(any::<u16>(), 0..20), text in ".{0,12}") {
            let mut writer = Writer::default();
            writer.list(&numbers, |writer, value| writer.u16(*value));
            writer.text(&text);
            let mut reader = Reader(&writer.0);
            prop_assert_eq!(reader.list(Reader::u16).unwrap(), numbers);
            prop_assert_eq!(reader.text().unwrap(), text);
            prop_assert!(reader.u8().is_err());
        }

        #[test]
        fn noise_is_refused_or_read_but_never_trusted(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let list = Reader(&bytes).list(|reader| reader.floats::<3>());
            prop_assert!(list.is_err() || list.is_ok_and(|list| list.len() * 12 < 64));
        }
    }
}
