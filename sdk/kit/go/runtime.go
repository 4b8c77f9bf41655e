// Package runtime has what generated bindings need for calls between a plugin and the host.
package runtime

import (
	"runtime"
	"unsafe"
)

// Handle is a reference to a resource of the host. 0 stands for one that was given away.
type Handle struct {
	value int32
}

// MakeHandle makes a handle of a number that the host has passed.
func MakeHandle(value int32) *Handle {
	if value == 0 {
		panic("the handle is 0")
	}
	return &Handle{value}
}

// Use returns the number; the handle stays valid.
func (h *Handle) Use() int32 {
	if h.value == 0 {
		panic("the handle was given away")
	}
	return h.value
}

// Take returns the number and gives the handle away.
func (h *Handle) Take() int32 {
	value := h.Use()
	h.value = 0
	return value
}

// TakeOrNil returns the number, or 0 if the handle was given away.
func (h *Handle) TakeOrNil() int32 {
	value := h.value
	h.value = 0
	return value
}

// Set puts a number into a handle that has none.
func (h *Handle) Set(value int32) {
	if value == 0 || h.value != 0 {
		panic("the handle is 0, or has a number already")
	}
	h.value = value
}

// Allocate makes room that the garbage collector leaves alone until the pinner lets go of it.
func Allocate(pinner *runtime.Pinner, size, align uintptr) unsafe.Pointer {
	if size == 0 {
		return nil
	}
	// Go aligns by the type of the elements, and no alignment of the interface is above 8.
	var pointer unsafe.Pointer
	switch {
	case align <= 1:
		pointer = unsafe.Pointer(unsafe.SliceData(make([]uint8, size)))
	case align <= 4:
		pointer = unsafe.Pointer(unsafe.SliceData(make([]uint32, (size+3)/4)))
	default:
		pointer = unsafe.Pointer(unsafe.SliceData(make([]uint64, (size+7)/8)))
	}
	pinner.Pin(pointer)
	return pointer
}

// What the host passes to the plugin in a call.
var received runtime.Pinner

// Unpin lets go of what the host has passed.
func Unpin() {
	received.Unpin()
}

// The host makes room for what it passes. It calls only after the start of Go's runtime.
//
//go:wasmexport cabi_realloc
func realloc(old unsafe.Pointer, oldSize, align, size uintptr) unsafe.Pointer {
	pointer := Allocate(&received, size, align)
	if old != nil {
		copy(unsafe.Slice((*byte)(pointer), size), unsafe.Slice((*byte)(old), min(oldSize, size)))
	}
	return pointer
}
