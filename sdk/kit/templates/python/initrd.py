"""Makes boot images with mkimage.

build/bindings has the modules of the interface, with descriptions; build.sh generates them
for editors.
"""

from componentize_py_types import Err
from wit_world import exports
from wit_world.imports import system
from wit_world.imports.plan import Builder, Command
from wit_world.imports.requests import ImageRequest
from wit_world.imports.types import Argument_Location, Argument_Text, Error, ErrorKind, Path


def image_of(request: ImageRequest) -> Path:
    """The image of the kernel that a request concerns."""
    return Path("boot", f"image-{request.kernel().release()}")


class Initrd(exports.Initrd):
    def images(self, request: ImageRequest) -> list[Path]:
        return [image_of(request)]

    def when(self, request: ImageRequest) -> str:
        """Images are made when the package requests one."""
        return "when-asked"

    def refresh(self, request: ImageRequest, plan: Builder) -> None:
        image = image_of(request)
        if system.open_dir("boot").kind(image.relative) is None:
            raise Err(Error(ErrorKind.UNSUPPORTED, f"there is no boot/{image.relative}", [], None))
        # mkimage -f boot/image-RELEASE RELEASE
        command = Command("mkimage")
        command.argument(Argument_Text("-f"))
        command.argument(Argument_Location(image))
        command.argument(Argument_Text(request.kernel().release()))
        plan.run(command)
