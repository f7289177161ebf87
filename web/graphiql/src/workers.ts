// Monaco does its language work in three workers. They are files of this server, so that the
// Content-Security-Policy needs no blob: or data: source for them.

/** File names by kind; build.mjs puts them in. */
declare const WORKER_FILES: Record<'editor' | 'json' | 'graphql', string>;

window.MonacoEnvironment = {
  getWorker(_moduleId, label) {
    const kind = label === 'json' || label === 'graphql' ? label : 'editor';
    return new Worker(new URL(WORKER_FILES[kind], import.meta.url), { name: label });
  },
};

export {};
