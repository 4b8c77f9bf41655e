// Makes boot images with mkimage.
//
// build/wit describes all functions of the interface; names-with-hyphens are camelCase here.

import { openDir } from 'modsmith:plugin/system@1.0.0';
import { Command } from 'modsmith:plugin/plan@1.0.0';

/** The image of the kernel that a request concerns. */
function imageOf(request) {
    return { root: 'boot', relative: `image-${request.kernel().release()}` };
}

/** Thrown as it is, the object is the function's error. */
function unsupported(message) {
    return { kind: 'unsupported', message, hints: [] };
}

export const initrd = {
    images(request) {
        return [imageOf(request)];
    },

    /** Images are made when the package requests one. */
    when(_request) {
        return 'when-asked';
    },

    refresh(request, plan) {
        const image = imageOf(request);
        if (openDir('boot').kind(image.relative) === undefined) {
            throw unsupported(`there is no boot/${image.relative}`);
        }
        // mkimage -f boot/image-RELEASE RELEASE
        const command = new Command('mkimage');
        command.argument({ tag: 'text', val: '-f' });
        command.argument({ tag: 'location', val: image });
        command.argument({ tag: 'text', val: request.kernel().release() });
        plan.run(command);
    },
};
