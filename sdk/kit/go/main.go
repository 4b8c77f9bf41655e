// Package main is the plugin: the functions that the host calls.
package main

import _ "{{package}}/wit_exports"

func main() {}
