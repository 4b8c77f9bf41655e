// Package initrd makes boot images with mkimage.
//
// The packages below build/bindings declare and describe all functions; build.sh generates
// them. What the host lends or gives is given back with Drop.
package initrd

import (
	plan "plugin/build/bindings/modsmith_plugin_plan"
	requests "plugin/build/bindings/modsmith_plugin_requests"
	system "plugin/build/bindings/modsmith_plugin_system"
	api "plugin/build/bindings/modsmith_plugin_types"
	wit "plugin/build/bindings/types"
)

// The release of the kernel that a request concerns.
func releaseOf(request *requests.ImageRequest) string {
	kernel := request.Kernel()
	defer kernel.Drop()
	return kernel.Release()
}

func imageOf(request *requests.ImageRequest) api.Path {
	return api.Path{Root: "boot", Relative: "image-" + releaseOf(request)}
}

// Images are the image files of a kernel.
func Images(request *requests.ImageRequest) wit.Result[[]api.Path, api.Error] {
	defer request.Drop()
	return wit.Ok[[]api.Path, api.Error]([]api.Path{imageOf(request)})
}

// When says that images are made when the package requests one.
func When(request *requests.ImageRequest) wit.Result[string, api.Error] {
	defer request.Drop()
	return wit.Ok[string, api.Error]("when-asked")
}

// Refresh adds the command mkimage -f boot/image-RELEASE RELEASE to the plan.
func Refresh(request *requests.ImageRequest, steps *plan.Builder) wit.Result[wit.Unit, api.Error] {
	defer request.Drop()
	defer steps.Drop()
	image := imageOf(request)
	found := exists(image)
	if found.IsErr() {
		return wit.Err[wit.Unit, api.Error](found.Err())
	}
	if !found.Ok() {
		return wit.Err[wit.Unit, api.Error](api.Error{
			Kind:    api.ErrorKindUnsupported,
			Message: "there is no boot/" + image.Relative,
		})
	}
	command := plan.MakeCommand("mkimage")
	command.Argument(api.MakeArgumentText("-f"))
	command.Argument(api.MakeArgumentLocation(image))
	command.Argument(api.MakeArgumentText(releaseOf(request)))
	return steps.Run(command)
}

func exists(file api.Path) wit.Result[bool, api.Error] {
	opened := system.OpenDir(file.Root)
	if opened.IsErr() {
		return wit.Err[bool, api.Error](opened.Err())
	}
	directory := opened.Ok()
	defer directory.Drop()
	kind := directory.Kind(file.Relative)
	if kind.IsErr() {
		return wit.Err[bool, api.Error](kind.Err())
	}
	return wit.Ok[bool, api.Error](kind.Ok().IsSome())
}
