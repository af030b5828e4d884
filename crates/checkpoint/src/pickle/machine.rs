//! Implements the stack machine. The machine creates numbers, strings, tuples, lists, dictionaries, storages and
//! tensors, and calls no function.

use std::collections::HashMap;
use std::io::Read;

use super::opcode::{Opcode, name_of_refused};
use super::stream::Stream;
use super::value::{Global, Value, ValueId, Values};
use super::{LONGEST_NUMBER, LONGEST_TEXT, MOST_INSTRUCTIONS, MOST_MARKS};
use crate::error::CheckpointError;

/// Runs one pickle.
pub(crate) struct Machine<'a, R> {
    stream: &'a mut Stream<R>,
    pub(super) values: Values,
    pub(super) stack: Vec<ValueId>,
    /// The height of the stack at each mark.
    marks: Vec<usize>,
    memo: HashMap<u32, ValueId>,
}

impl<'a, R: Read> Machine<'a, R> {
    /// Runs the next pickle to its end. Returns all its values, and which of them is the result.
    ///
    /// # Errors
    /// The variants of [`CheckpointError`] that concern pickles.
    pub(crate) fn run(stream: &'a mut Stream<R>) -> Result<(Values, ValueId), CheckpointError> {
        let mut machine =
            Self { stream, values: Values::default(), stack: vec![], marks: vec![], memo: HashMap::new() };
        for _ in 0..MOST_INSTRUCTIONS {
            let position = machine.stream.position();
            let byte = machine.stream.byte()?;
            match Opcode::from_byte(byte) {
                Some(Opcode::Stop) => {
                    let result = machine.pop()?;
                    return Ok((machine.values, result));
                }
                Some(opcode) => machine.step(opcode)?,
                None => {
                    let (instruction, tensor) = (name_of_refused(byte), machine.entry());
                    return Err(CheckpointError::Instruction { instruction, position, tensor });
                }
            }
        }
        Err(machine.limit("the number of instructions", MOST_INSTRUCTIONS + 1, MOST_INSTRUCTIONS))
    }

    fn step(&mut self, opcode: Opcode) -> Result<(), CheckpointError> {
        match opcode {
            Opcode::Proto => drop(self.stream.byte()?),
            Opcode::Frame => drop(self.stream.array::<8>()?),
            Opcode::Mark => self.mark()?,
            Opcode::Pop => drop(self.pop()?),
            Opcode::PopMark => drop(self.pop_to_mark()?),
            Opcode::Dup => {
                let top = self.top()?;
                self.stack.push(top);
            }
            Opcode::None => self.push(Value::None),
            Opcode::NewTrue => self.push(Value::Bool(true)),
            Opcode::NewFalse => self.push(Value::Bool(false)),
            Opcode::BinInt1 => {
                let [byte] = self.stream.array()?;
                self.push(Value::Int(byte.into()));
            }
            Opcode::BinInt2 => {
                let int = u16::from_le_bytes(self.stream.array()?);
                self.push(Value::Int(int.into()));
            }
            Opcode::BinInt => {
                let int = i32::from_le_bytes(self.stream.array()?);
                self.push(Value::Int(int.into()));
            }
            Opcode::Long1 => {
                let length = self.stream.byte()?;
                self.long(length.into())?;
            }
            Opcode::Long4 => {
                let length = u32::from_le_bytes(self.stream.array()?);
                self.long(length.into())?;
            }
            Opcode::BinFloat => {
                self.stream.array::<8>()?;
                self.push(Value::Float);
            }
            Opcode::ShortBinString | Opcode::ShortBinUnicode => {
                let length = self.stream.byte()?;
                self.text(length.into())?;
            }
            Opcode::BinString | Opcode::BinUnicode => {
                let length = u32::from_le_bytes(self.stream.array()?);
                self.text(length.into())?;
            }
            Opcode::BinUnicode8 => {
                let length = u64::from_le_bytes(self.stream.array()?);
                self.text(length)?;
            }
            Opcode::BinGet => {
                let place = self.stream.byte()?;
                self.recall(place.into())?;
            }
            Opcode::LongBinGet => {
                let place = u32::from_le_bytes(self.stream.array()?);
                self.recall(place)?;
            }
            Opcode::BinPut => {
                let place = self.stream.byte()?;
                self.memoize(place.into())?;
            }
            Opcode::LongBinPut => {
                let place = u32::from_le_bytes(self.stream.array()?);
                self.memoize(place)?;
            }
            Opcode::Memoize => self.memoize(self.memo.len() as u32)?,
            Opcode::Global => {
                let (module, name) = (self.stream.line()?, self.stream.line()?);
                let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
                let global = self.global(&text(&module), &text(&name))?;
                self.push(global);
            }
            Opcode::StackGlobal => {
                let (name, module) = (self.pop()?, self.pop()?);
                let global = match (self.values.text(module), self.values.text(name)) {
                    (Some(module), Some(name)) => self.global(module, name)?,
                    _ => return Err(self.damaged("a name that is not a string")),
                };
                self.push(global);
            }
            Opcode::BinPersistentId => self.persistent_id()?,
            Opcode::Reduce => self.reduce()?,
            Opcode::Build => self.build()?,
            Opcode::Stop => unreachable!("the end is seen before"),
            container => self.collect(container)?,
        }
        Ok(())
    }

    /// Tuples, lists and dictionaries.
    fn collect(&mut self, opcode: Opcode) -> Result<(), CheckpointError> {
        match opcode {
            Opcode::EmptyTuple => self.push(Value::Tuple(vec![])),
            Opcode::EmptyList => self.push(Value::List(vec![])),
            Opcode::EmptyDict => self.push(Value::Dict(vec![])),
            Opcode::Tuple1 => self.tuple(1)?,
            Opcode::Tuple2 => self.tuple(2)?,
            Opcode::Tuple3 => self.tuple(3)?,
            Opcode::Tuple => {
                let items = self.pop_to_mark()?;
                self.push(Value::Tuple(items));
            }
            Opcode::List => {
                let items = self.pop_to_mark()?;
                self.push(Value::List(items));
            }
            Opcode::Dict => {
                let items = self.pop_to_mark()?;
                let dict = self.pairs(&items)?;
                self.push(Value::Dict(dict));
            }
            Opcode::Append => {
                let item = self.pop()?;
                self.append(&[item])?;
            }
            Opcode::Appends => {
                let items = self.pop_to_mark()?;
                self.append(&items)?;
            }
            Opcode::SetItem => {
                let (value, key) = (self.pop()?, self.pop()?);
                self.set_items(&[key, value])?;
            }
            Opcode::SetItems => {
                let items = self.pop_to_mark()?;
                self.set_items(&items)?;
            }
            other => unreachable!("{other:?} collects nothing"),
        }
        Ok(())
    }

    pub(super) fn push(&mut self, value: Value) {
        let id = self.values.add(value);
        self.stack.push(id);
    }

    /// The height below which nothing may be popped until the innermost mark is.
    fn floor(&self) -> usize {
        self.marks.last().copied().unwrap_or(0)
    }

    pub(super) fn pop(&mut self) -> Result<ValueId, CheckpointError> {
        let top = self.top()?;
        self.stack.pop();
        Ok(top)
    }

    fn top(&self) -> Result<ValueId, CheckpointError> {
        let top = self.stack.last().filter(|_| self.stack.len() > self.floor());
        top.copied().ok_or_else(|| self.damaged("an instruction without an operand"))
    }

    fn mark(&mut self) -> Result<(), CheckpointError> {
        if self.marks.len() as u64 >= MOST_MARKS {
            return Err(self.limit("the nesting depth", self.marks.len() as u64 + 1, MOST_MARKS));
        }
        self.marks.push(self.stack.len());
        Ok(())
    }

    fn pop_to_mark(&mut self) -> Result<Vec<ValueId>, CheckpointError> {
        let mark = self.marks.pop().ok_or_else(|| self.damaged("an instruction without a matching mark"))?;
        Ok(self.stack.split_off(mark))
    }

    fn tuple(&mut self, length: usize) -> Result<(), CheckpointError> {
        let mut items = vec![];
        for _ in 0..length {
            items.push(self.pop()?);
        }
        items.reverse();
        self.push(Value::Tuple(items));
        Ok(())
    }

    fn long(&mut self, length: u64) -> Result<(), CheckpointError> {
        if length > LONGEST_NUMBER {
            return Err(self.limit("the length of an integer in bytes", length, LONGEST_NUMBER));
        }
        let bytes = self.stream.bytes(length as usize)?;
        let value = if bytes.len() > 8 {
            Value::Long(bytes)
        } else {
            let fill = if bytes.last().is_some_and(|byte| byte & 0x80 != 0) { 0xff } else { 0 };
            let mut eight = [fill; 8];
            eight[..bytes.len()].copy_from_slice(&bytes);
            Value::Int(i64::from_le_bytes(eight))
        };
        self.push(value);
        Ok(())
    }

    fn text(&mut self, length: u64) -> Result<(), CheckpointError> {
        if length > LONGEST_TEXT {
            return Err(self.limit("the length of a string in bytes", length, LONGEST_TEXT));
        }
        let bytes = self.stream.bytes(length as usize)?;
        let text = String::from_utf8(bytes).map_err(|_| self.damaged("a string that is not UTF-8"))?;
        self.push(Value::Text(text));
        Ok(())
    }

    fn append(&mut self, items: &[ValueId]) -> Result<(), CheckpointError> {
        let list = self.top()?;
        match self.values.get_mut(list) {
            Value::List(list) => list.extend(items),
            other => {
                let reason = format!("the pickle appends items to {}", other.kind());
                return Err(CheckpointError::Damaged { reason });
            }
        }
        Ok(())
    }

    fn set_items(&mut self, items: &[ValueId]) -> Result<(), CheckpointError> {
        let pairs = self.pairs(items)?;
        let dict = self.top()?;
        match self.values.get_mut(dict) {
            Value::Dict(dict) => dict.extend(pairs),
            other => {
                let reason = format!("the pickle adds entries to {}", other.kind());
                return Err(CheckpointError::Damaged { reason });
            }
        }
        Ok(())
    }

    fn pairs(&self, items: &[ValueId]) -> Result<Vec<(ValueId, ValueId)>, CheckpointError> {
        let (pairs, rest) = items.as_chunks::<2>();
        if !rest.is_empty() {
            return Err(self.damaged("a key without a value"));
        }
        Ok(pairs.iter().map(|[key, value]| (*key, *value)).collect())
    }

    fn memoize(&mut self, place: u32) -> Result<(), CheckpointError> {
        let top = self.top()?;
        self.memo.insert(place, top);
        Ok(())
    }

    fn recall(&mut self, place: u32) -> Result<(), CheckpointError> {
        let value = self.memo.get(&place).copied().ok_or_else(|| self.damaged("a reference to an undefined value"))?;
        self.stack.push(value);
        Ok(())
    }

    fn global(&self, module: &str, name: &str) -> Result<Value, CheckpointError> {
        let unknown = || CheckpointError::Global { global: format!("{module}.{name}"), tensor: self.entry() };
        Global::find(module, name).map(Value::Global).ok_or_else(unknown)
    }

    /// The key of the dictionary entry under construction: the last string directly above a dictionary or its mark.
    pub(super) fn entry(&self) -> Option<String> {
        let mut end = self.stack.len();
        let starts = self.marks.iter().rev().copied().chain([0]);
        for start in starts {
            let is_of_dict =
                start.checked_sub(1).is_some_and(|below| matches!(self.value_at(below), Some(Value::Dict(_))));
            let keys = (start..end).rev().filter(|place| {
                is_of_dict
                    || place.checked_sub(1).is_some_and(|below| matches!(self.value_at(below), Some(Value::Dict(_))))
            });
            if let Some(key) = keys.into_iter().find_map(|place| self.values.text(self.stack[place])) {
                return Some(key.into());
            }
            end = start;
        }
        None
    }

    fn value_at(&self, place: usize) -> Option<&Value> {
        self.stack.get(place).map(|id| self.values.get(*id))
    }

    pub(super) fn damaged(&self, reason: &str) -> CheckpointError {
        let reason = match self.entry() {
            Some(tensor) => format!("the pickle has {reason} (tensor `{tensor}`)"),
            None => format!("the pickle has {reason}"),
        };
        CheckpointError::Damaged { reason }
    }

    pub(super) fn limit(&self, what: &'static str, found: u64, most: u64) -> CheckpointError {
        CheckpointError::Limit { what, found, most, tensor: self.entry() }
    }
}
